#include "kernels/int8/value_range.h"

#include <algorithm>
#include <limits>

namespace paretiny::cpu {
namespace {

void value_range(Stream& stream, double percentile, ConstView x, View range) {
  const std::int64_t count = x.elements();
  const float* values = x.as<float>();
  float* ends = range.as<float>();
  if (!std::all_of(values, values + count, [](float v) { return std::isfinite(v); })) {
    ends[0] = ends[1] = std::numeric_limits<float>::quiet_NaN();
    return;
  }
  const auto [low, high] = int8::range_ranks(count, percentile);
  if (low == 0) {
    const auto [least, largest] = std::minmax_element(values, values + count);
    ends[0] = *least;
    ends[1] = *largest;
    return;
  }
  Arena::Scope scratch(stream.scratch());
  float* sorted = scratch.take(DType::f32, x.shape).as<float>();
  std::copy_n(values, count, sorted);
  // What stands before `high` when it is in its place is not above it: `low` is among it.
  std::nth_element(sorted, sorted + high, sorted + count);
  ends[1] = sorted[high];
  std::nth_element(sorted, sorted + low, sorted + high);
  ends[0] = sorted[low];
}

const Twin twin(int8::twins::value_range, DeviceKind::cpu, value_range);

}  // namespace
}  // namespace paretiny::cpu
