#include "kernels/int8/value_range.h"

#include "kernels/core/check.h"

namespace paretiny::int8 {

namespace twins {
constinit Op<decltype(int8::value_range)> value_range("value_range");
}  // namespace twins

void value_range(Stream& stream, double percentile, ConstView x, View range) {
  const char* op = "value_range";
  check(percentile > 50 && percentile <= 100, op,
        "percentile " + std::to_string(percentile) + " is not above 50 and at most 100");
  check(x.elements() > 0, op, "x " + to_string(x.shape) + " has no elements");
  check_tensor(op, "x", x, x.shape, {DType::f32});
  check_tensor(op, "range", range, {1, 1, 1, 2}, {DType::f32});
  twins::value_range(stream, percentile, x, range);
}

}  // namespace paretiny::int8
