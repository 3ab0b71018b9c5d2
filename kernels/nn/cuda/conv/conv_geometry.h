// How our own convolution kernels walk over pixels and taps.
//
// Forward and backward data are one thing: every target pixel gathers, tap by tap, from source
// pixels (forward: target y, source x; backward data: target dx, source dy). Along an axis, target
// position j meets in forward direction the source at j * stride - pad + tap. In backward direction
// only every stride-th tap meets a source, and which ones depends on (j + pad) % stride: targets
// are taken in `stride` phases, each of which is a convolution of stride 1 with its own taps, so
// that no product with a hole is ever computed.
#pragma once

#include "kernels/core/host_device.h"
#include "kernels/nn/conv.h"

namespace paretiny::cuda {

/// One axis in one phase: target first + j * step for j < count; tap + a * tap_step for a < taps;
/// source j * scale + base + a * direction, which may lie outside (then it is padding).
struct Walk {
  int count, first, step;
  int taps, tap, tap_step;
  int scale, base, direction;
};

struct GatherAxis {
  int target = 1, source = 1;  ///< extents
  int kernel = 1, stride = 1, pad = 0;
  bool backward = false;

  PARETINY_HOST_DEVICE int phases() const { return backward ? stride : 1; }
  /// The most taps of a phase.
  PARETINY_HOST_DEVICE int most_taps() const { return (kernel - 1) / phases() + 1; }

  PARETINY_HOST_DEVICE Walk walk(int phase) const {
    if (!backward) return {target, 0, 1, kernel, 0, 1, stride, -pad, 1};
    const int tap = (phase + pad) % stride;
    return {ceil_div(target - phase, stride),
            phase,
            stride,
            tap < kernel ? (kernel - tap - 1) / stride + 1 : 0,
            tap,
            stride,
            1,
            (phase + pad) / stride,
            -1};
  }
};

/// Channels of a tensor as the kernels read it: whole packs of 16 bytes, zeros at the end.
inline int padded_channels(std::int64_t channels, DType dtype) {
  const int pack = 16 / static_cast<int>(size_of(dtype));
  return round_up(static_cast<int>(channels), pack);
}

/// A pass from source to target.
struct Gather {
  GatherAxis y, x;
  int images = 1;
  int source_channels = 1;  ///< padded
  int target_channels = 1;

  PARETINY_HOST_DEVICE int phases() const { return y.phases() * x.phases(); }
  /// Weights of a target channel in a phase, taps one after another, as they lie in memory.
  PARETINY_HOST_DEVICE int depth() const { return y.most_taps() * x.most_taps() * source_channels; }

  static Gather of(const nn::ConvShape& shape, DType activations, bool backward) {
    const auto axis = [&](std::int64_t in, std::int64_t out, std::int64_t kernel,
                          std::int64_t stride, std::int64_t pad) {
      return GatherAxis{static_cast<int>(backward ? in : out),
                        static_cast<int>(backward ? out : in),
                        static_cast<int>(kernel),
                        static_cast<int>(stride),
                        static_cast<int>(pad),
                        backward};
    };
    const Shape& in = shape.input;
    const Shape out = shape.output();
    const nn::Window& w = shape.window;
    return {axis(in.h, out.h, w.kernel_h, w.stride_h, w.top),
            axis(in.w, out.w, w.kernel_w, w.stride_w, w.left), static_cast<int>(in.n),
            padded_channels(backward ? out.c : in.c, activations),
            static_cast<int>(backward ? in.c : out.c)};
  }
};

}  // namespace paretiny::cuda
