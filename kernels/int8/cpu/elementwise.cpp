// int8 add, mul, table lookup and quantization on the CPU, parallel over rows of channels.
#include <algorithm>
#include <cmath>

#include "kernels/core/host_device.h"
#include "kernels/core/threads.h"
#include "kernels/int8/int8.h"

namespace paretiny::cpu {
namespace {

/// to = function(a, b) over a row of channels; b is a row, too, or one number.
/// `to` may be `a` (simd: equal indices are no obstacle).
template <class Function>
void combine_row(const std::int8_t* a, const std::int8_t* b, bool row_of_b, std::int8_t* to,
                 std::int64_t channels, const Function function) {
  if (row_of_b) {
#pragma omp simd
    for (std::int64_t c = 0; c < channels; ++c) {
      to[c] = static_cast<std::int8_t>(function(a[c], b[c]));
    }
  } else {
    const std::int8_t one = *b;
#pragma omp simd
    for (std::int64_t c = 0; c < channels; ++c) {
      to[c] = static_cast<std::int8_t>(function(a[c], one));
    }
  }
}

/// y = function(a, b) with b repeated along its extents of 1.
template <class Function>
void combine(ConstView a, ConstView b, View y, const Function& function) {
  const auto* from_a = a.as<std::int8_t>();
  const auto* from_b = b.as<std::int8_t>();
  auto* to = y.as<std::int8_t>();
  if (a.shape == b.shape) {
    constexpr std::int64_t row = 4096;  // bytes: three rows stay in the first-level cache
    const std::int64_t elements = a.elements();
    parallel_for(ceil_div(elements, row), true, [&](std::int64_t piece) {
      const std::int64_t i = piece * row;
      combine_row(from_a + i, from_b + i, true, to + i, std::min(row, elements - i), function);
    });
    return;
  }
  const Shape shape = a.shape;
  const Shape second = b.shape;
  const std::int64_t step_w = second.w == 1 ? 0 : second.c;
  const std::int64_t step_h = second.h == 1 ? 0 : second.w * second.c;
  const std::int64_t step_n = second.n == 1 ? 0 : second.h * second.w * second.c;
  parallel_for(shape.n, shape.h, true, [&](std::int64_t n, std::int64_t h) {
    for (std::int64_t w = 0; w < shape.w; ++w) {
      const std::int64_t first = ((n * shape.h + h) * shape.w + w) * shape.c;
      combine_row(from_a + first, from_b + n * step_n + h * step_h + w * step_w, second.c > 1,
                  to + first, shape.c, function);
    }
  });
}

void add(Stream&, const int8::Int8AddParameters& parameters, ConstView a, ConstView b, View y) {
  combine(a, b, y, [parameters](std::int32_t p, std::int32_t q) {
    return int8::quantized_add(p, q, parameters);
  });
}

void mul(Stream&, const int8::Int8MulParameters& parameters, ConstView a, ConstView b, View y) {
  combine(a, b, y, [parameters](std::int32_t p, std::int32_t q) {
    return int8::quantized_mul(p, q, parameters);
  });
}

void lookup(Stream&, ConstView x, ConstView table, View y) {
  const std::int8_t* zero = table.as<std::int8_t>() + 128;
  const std::int64_t elements = x.elements();
  parallel_for(elements, true,
               [&](std::int64_t i) { y.as<std::int8_t>()[i] = zero[x.as<std::int8_t>()[i]]; });
}

void quantize(Stream&, const int8::Quantization& output, ConstView x, View y) {
  const std::int64_t elements = x.elements();
  const auto low = static_cast<float>(-128 - output.zero_point);
  const auto high = static_cast<float>(127 - output.zero_point);
  parallel_for(elements, true, [&](std::int64_t i) {
    const float q = std::round(x.as<float>()[i] / output.scale);
    // Written so that NaN, which is not greater than anything, becomes `low`.
    const float limited = q > low ? std::min(q, high) : low;
    y.as<std::int8_t>()[i] =
        static_cast<std::int8_t>(static_cast<std::int32_t>(limited) + output.zero_point);
  });
}

const Twin add_twin(int8::twins::int8_add, DeviceKind::cpu, add);
const Twin mul_twin(int8::twins::int8_mul, DeviceKind::cpu, mul);
const Twin lookup_twin(int8::twins::int8_lookup, DeviceKind::cpu, lookup);
const Twin quantize_twin(int8::twins::int8_quantize, DeviceKind::cpu, quantize);

}  // namespace
}  // namespace paretiny::cpu
