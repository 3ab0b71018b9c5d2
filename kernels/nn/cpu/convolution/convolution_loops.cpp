// For shapes that oneDNN computes wrong or not at all: one multiply-add an element of the window,
// vectorised along the channels where the compiler can.
#include "kernels/nn/cpu/convolution/convolution_loops.h"

#include <algorithm>

#include "kernels/core/cpu/elements.h"
#include "kernels/core/threads.h"

namespace paretiny::cpu {
namespace {

/// What the loops walk over; x and y of type T.
template <class T>
struct Walk {
  Shape in, out;
  nn::Window window;
  T* x;
  T* y;
  float* w;
  float* b;

  Walk(const Convolution& c, const ConvolutionData& data)
      : in(c.input),
        out(c.output()),
        window(c.window),
        x(static_cast<T*>(data.x)),
        y(static_cast<T*>(data.y)),
        w(static_cast<float*>(data.w)),
        b(static_cast<float*>(data.b)) {}

  T* input(std::int64_t n, std::int64_t h, std::int64_t v) const {
    return x + ((n * in.h + h) * in.w + v) * in.c;
  }
  T* output(std::int64_t n, std::int64_t h, std::int64_t v) const {
    return y + ((n * out.h + h) * out.w + v) * out.c;
  }
  float* weights(std::int64_t o, std::int64_t ky, std::int64_t kx) const {
    return w + ((o * window.kernel_h + ky) * window.kernel_w + kx) * in.c;
  }
};

template <class T>
void forward(const Walk<T>& walk) {
  const Shape& in = walk.in;
  const Shape& out = walk.out;
  const nn::Window& v = walk.window;
  parallel_for(out.n, out.h, true, [&](std::int64_t n, std::int64_t oy) {
    for (std::int64_t ox = 0; ox < out.w; ++ox) {
      for (std::int64_t o = 0; o < out.c; ++o) {
        float sum = walk.b != nullptr ? walk.b[o] : 0;
        for (std::int64_t ky = 0; ky < v.kernel_h; ++ky) {
          for (std::int64_t kx = 0; kx < v.kernel_w; ++kx) {
            const std::int64_t iy = oy * v.stride_h + ky - v.top;
            const std::int64_t ix = ox * v.stride_w + kx - v.left;
            if (iy < 0 || iy >= in.h || ix < 0 || ix >= in.w) continue;
            const T* const from = walk.input(n, iy, ix);
            const float* const w = walk.weights(o, ky, kx);
#pragma omp simd reduction(+ : sum)
            for (std::int64_t c = 0; c < in.c; ++c) sum += to_float(from[c]) * w[c];
          }
        }
        walk.output(n, oy, ox)[o] = from_float<T>(sum);
      }
    }
  });
}

/// Channels that are summed side by side.
constexpr std::int64_t kPiece = 64;

/// The input's pixel (iy, ix) met element (ky, kx) of the window at output (iy + top - ky) /
/// stride, where that is whole.
template <class T>
void backward_data(const Walk<T>& walk) {
  const Shape& in = walk.in;
  const Shape& out = walk.out;
  const nn::Window& v = walk.window;
  const auto pixel = [&](std::int64_t n, std::int64_t iy, std::int64_t ix, std::int64_t first) {
    const std::int64_t count = std::min(kPiece, in.c - first);
    float sums[kPiece] = {};
    for (std::int64_t ky = 0; ky < v.kernel_h; ++ky) {
      for (std::int64_t kx = 0; kx < v.kernel_w; ++kx) {
        const std::int64_t y = iy + v.top - ky, x = ix + v.left - kx;
        if (y < 0 || x < 0 || y % v.stride_h != 0 || x % v.stride_w != 0) continue;
        if (y / v.stride_h >= out.h || x / v.stride_w >= out.w) continue;
        const T* const dy = walk.output(n, y / v.stride_h, x / v.stride_w);
        for (std::int64_t o = 0; o < out.c; ++o) {
          const float scale = to_float(dy[o]);
          const float* const w = walk.weights(o, ky, kx) + first;
          for (std::int64_t c = 0; c < count; ++c) sums[c] += scale * w[c];
        }
      }
    }
    T* const to = walk.input(n, iy, ix) + first;
    for (std::int64_t c = 0; c < count; ++c) to[c] = from_float<T>(sums[c]);
  };
  parallel_for(in.n, in.h, true, [&](std::int64_t n, std::int64_t iy) {
    for (std::int64_t ix = 0; ix < in.w; ++ix) {
      for (std::int64_t c = 0; c < in.c; c += kPiece) pixel(n, iy, ix, c);
    }
  });
}

/// Sums over a whole batch are kept in double: one chain of additions is long.
template <class T>
void backward_weights(const Walk<T>& walk) {
  const Shape& in = walk.in;
  const Shape& out = walk.out;
  const nn::Window& v = walk.window;
  const auto piece = [&](std::int64_t o, std::int64_t ky, std::int64_t kx, std::int64_t first) {
    const std::int64_t count = std::min(kPiece, in.c - first);
    double sums[kPiece] = {};
    for (std::int64_t n = 0; n < out.n; ++n) {
      for (std::int64_t oy = 0; oy < out.h; ++oy) {
        const std::int64_t iy = oy * v.stride_h + ky - v.top;
        if (iy < 0 || iy >= in.h) continue;
        for (std::int64_t ox = 0; ox < out.w; ++ox) {
          const std::int64_t ix = ox * v.stride_w + kx - v.left;
          if (ix < 0 || ix >= in.w) continue;
          const float scale = to_float(walk.output(n, oy, ox)[o]);
          const T* const from = walk.input(n, iy, ix) + first;
          for (std::int64_t c = 0; c < count; ++c) sums[c] += scale * to_float(from[c]);
        }
      }
    }
    float* const to = walk.weights(o, ky, kx) + first;
    for (std::int64_t c = 0; c < count; ++c) to[c] = static_cast<float>(sums[c]);
  };
  const std::int64_t taps = v.kernel_h * v.kernel_w;
  parallel_for(out.c, taps, true, [&](std::int64_t o, std::int64_t tap) {
    for (std::int64_t c = 0; c < in.c; c += kPiece) {
      piece(o, tap / v.kernel_w, tap % v.kernel_w, c);
    }
  });
  if (walk.b == nullptr) return;
  for (std::int64_t o = 0; o < out.c; ++o) {
    double sum = 0;
    for (std::int64_t i = o; i < out.elements(); i += out.c) sum += to_float(walk.y[i]);
    walk.b[o] = static_cast<float>(sum);
  }
}

}  // namespace

void convolution_loops(const Convolution& convolution, Direction direction,
                       const ConvolutionData& data) {
  with_element(convolution.activations, [&]<class T>(T) {
    const Walk<T> walk(convolution, data);
    switch (direction) {
      case Direction::forward:
        return forward(walk);
      case Direction::backward_data:
        return backward_data(walk);
      case Direction::backward_weights:
        return backward_weights(walk);
    }
  });
}

}  // namespace paretiny::cpu
