// int8 depthwise convolution on the CPU: a row of outputs at a time, tap after tap, in loops that
// vectorise over channels. A product of a weight and x - zero point fits 16 bits (127 * 255 <
// 2^15).
#include <algorithm>

#include "kernels/core/threads.h"
#include "kernels/int8/cpu/row.h"
#include "kernels/int8/int8.h"

namespace paretiny::cpu {
namespace {

/// sums[c] += (x[c] - zero point) * w[c].
void add_tap(const std::int8_t* __restrict x, std::int16_t zero_point,
             const std::int8_t* __restrict w, std::int64_t channels,
             std::int32_t* __restrict sums) {
  for (std::int64_t c = 0; c < channels; ++c) {
    const auto difference = static_cast<std::int16_t>(x[c] - zero_point);
    sums[c] += static_cast<std::int16_t>(difference * w[c]);
  }
}

void depthwise(Stream& stream, const nn::DepthwiseShape& shape,
               const int8::Int8LayerParameters& parameters, const int8::Int8LayerTensors& t) {
  const Shape in = shape.input;
  const Shape out = shape.output();
  const nn::Window& window = shape.window;
  const auto zero_point = static_cast<std::int16_t>(parameters.input_zero_point);

  Arena::Scope scratch(stream.scratch());
  const Int8Row row(scratch, int8_bias(scratch, t.b, out.c), t.multipliers, t.shifts, parameters);
  auto* all_sums = scratch.take(DType::i32, {thread_count(), 1, out.w, out.c}).as<std::int32_t>();

  parallel_for(out.n, out.h, true, [&](std::int64_t n, std::int64_t oy) {
    std::int32_t* sums = all_sums + thread_index() * out.w * out.c;
    std::fill_n(sums, out.w * out.c, 0);
    for (std::int64_t ky = 0; ky < window.kernel_h; ++ky) {
      const std::int64_t iy = oy * window.stride_h - window.top + ky;
      if (iy < 0 || iy >= in.h) continue;
      for (std::int64_t ox = 0; ox < out.w; ++ox) {
        for (std::int64_t kx = 0; kx < window.kernel_w; ++kx) {
          const std::int64_t ix = ox * window.stride_w - window.left + kx;
          if (ix < 0 || ix >= in.w) continue;
          add_tap(t.x.as<std::int8_t>() + ((n * in.h + iy) * in.w + ix) * in.c, zero_point,
                  t.w.as<std::int8_t>() + (ky * window.kernel_w + kx) * in.c, in.c,
                  sums + ox * out.c);
        }
      }
    }
    row.requantize_pixels(sums, out.w * out.c,
                          t.y.as<std::int8_t>() + (n * out.h + oy) * out.w * out.c);
  });
}

const Twin depthwise_twin(int8::twins::int8_depthwise, DeviceKind::cpu, depthwise);

}  // namespace
}  // namespace paretiny::cpu
