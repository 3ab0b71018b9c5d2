// The range of a tensor's values: what calibration asks of every activation.
#pragma once

#include <cmath>

#include "kernels/core/dispatch.h"
#include "kernels/core/tensor.h"

namespace paretiny::int8 {

/// Places, counted from 0, of the two ends of a range among `count` values in ascending order: the
/// nearest rank at or above `percentile` per cent, and as many places from the other end.
struct RangeRanks {
  std::int64_t low = 0;
  std::int64_t high = 0;
};
inline RangeRanks range_ranks(std::int64_t count, double percentile) {
  const std::int64_t last = count - 1;
  const auto high =
      static_cast<std::int64_t>(std::ceil(static_cast<double>(last) * percentile / 100));
  return {last - high, high};
}

/// range = the values of x at the ranks low and high of `range_ranks`; 100 gives the least and the
/// largest. Both are NaN where a value of x is not finite. x: f32, any shape; range: [1, 1, 1, 2]
/// f32; percentile: in (50, 100].
void value_range(Stream&, double percentile, ConstView x, View range);

namespace twins {
extern Op<decltype(value_range)> value_range;
}  // namespace twins

}  // namespace paretiny::int8
