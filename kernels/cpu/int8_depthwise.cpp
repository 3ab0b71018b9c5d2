// int8 depthwise convolution on the CPU: loops that vectorise over channels, parallel over output
// rows. A product of a weight and x - zero point fits 16 bits (127 * 255 < 2^15).
#include <algorithm>

#include "kernels/int8.h"

namespace paretiny::cpu {
namespace {

constexpr std::int64_t kLanes = 64;  ///< channels a pass

struct Block {
  std::int64_t first;
  std::int64_t channels;
};

void depthwise(Stream&, const DepthwiseShape& shape, const Int8LayerParameters& parameters,
               ConstView x, ConstView w, ConstView b, ConstView multipliers, ConstView shifts,
               View y) {
  const Shape in = shape.input;
  const Shape out = shape.output();
  const Window& window = shape.window;
  const auto zero_point = static_cast<std::int16_t>(parameters.input_zero_point);

  const auto pixel = [&](std::int64_t n, std::int64_t oy, std::int64_t ox, Block block) {
    std::int32_t sums[kLanes] = {};
    if (b) std::copy_n(b.as<std::int32_t>() + block.first, block.channels, sums);
    for (std::int64_t ky = 0; ky < window.kernel_h; ++ky) {
      const std::int64_t iy = oy * window.stride_h - window.top + ky;
      if (iy < 0 || iy >= in.h) continue;
      for (std::int64_t kx = 0; kx < window.kernel_w; ++kx) {
        const std::int64_t ix = ox * window.stride_w - window.left + kx;
        if (ix < 0 || ix >= in.w) continue;
        const std::int8_t* from =
            x.as<std::int8_t>() + ((n * in.h + iy) * in.w + ix) * in.c + block.first;
        const std::int8_t* weight =
            w.as<std::int8_t>() + (ky * window.kernel_w + kx) * in.c + block.first;
        for (std::int64_t c = 0; c < block.channels; ++c) {
          const auto difference = static_cast<std::int16_t>(from[c] - zero_point);
          sums[c] += static_cast<std::int16_t>(difference * weight[c]);
        }
      }
    }
    std::int8_t* to = y.as<std::int8_t>() + ((n * out.h + oy) * out.w + ox) * out.c + block.first;
    const std::int32_t* multiplier = multipliers.as<std::int32_t>() + block.first;
    const std::int32_t* shift = shifts.as<std::int32_t>() + block.first;
    for (std::int64_t c = 0; c < block.channels; ++c) {
      to[c] = requantize(sums[c], {multiplier[c], shift[c]}, parameters.output_zero_point,
                         parameters.range);
    }
  };

#pragma omp parallel for collapse(2) schedule(static)
  for (std::int64_t n = 0; n < out.n; ++n) {
    for (std::int64_t oy = 0; oy < out.h; ++oy) {
      for (std::int64_t first = 0; first < out.c; first += kLanes) {
        for (std::int64_t ox = 0; ox < out.w; ++ox) {
          pixel(n, oy, ox, {first, std::min(kLanes, out.c - first)});
        }
      }
    }
  }
}

const Twin depthwise_twin(twins::int8_depthwise, DeviceKind::cpu, depthwise);

}  // namespace
}  // namespace paretiny::cpu
