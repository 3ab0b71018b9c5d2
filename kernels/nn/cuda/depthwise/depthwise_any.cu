// Depthwise convolution with any window: a thread for each element, all that it needs read through
// the caches. The windows of our networks have kernels of their own.
#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/core/cuda/shared.h"
#include "kernels/core/host_device.h"
#include "kernels/nn/cuda/depthwise/depthwise_fusion.h"
#include "kernels/nn/cuda/depthwise/depthwise_kernels.h"

namespace paretiny::cuda::depthwise {
namespace {

constexpr int kChannels = 32;  ///< a block, in neighbouring threads
constexpr int kPixels = 8;     ///< at a time

struct AnyShape {
  Shape in, out;
  nn::Window window;

  explicit AnyShape(const nn::DepthwiseShape& shape)
      : in(shape.input), out(shape.output()), window(shape.window) {}

  __device__ static std::int64_t channel(std::int64_t slice) {
    return slice * kChannels + threadIdx.x % kChannels;
  }
  /// Of [n][h][w], counted up by blockIdx.y and the lanes of a block.
  __device__ static std::int64_t first_pixel() {
    return std::int64_t{blockIdx.y} * kPixels + threadIdx.x / kChannels;
  }
  __device__ static std::int64_t pixel_step() { return std::int64_t{gridDim.y} * kPixels; }
};

struct Pixel {
  std::int64_t n, y, x;

  __device__ Pixel(std::int64_t index, std::int64_t h, std::int64_t w)
      : n(index / (h * w)), y(index / w % h), x(index % w) {}
};

template <class T>
struct AnyInput {
  const T* data;
  Shape shape;
  Reading<T> reading;

  /// What is read of a pixel; zero outside of the input.
  __device__ float at(std::int64_t n, std::int64_t y, std::int64_t x, std::int64_t c) const {
    if (y < 0 || y >= shape.h || x < 0 || x >= shape.w) return 0;
    const float value = widen(data[((n * shape.h + y) * shape.w + x) * shape.c + c]);
    if (!reading.any) return value;
    const float scaled =
        reading.scale != nullptr ? reading.scale[c] * value + reading.shift[c] : value;
    const float active = nn::activate(reading.activation, scaled);
    const float gate = reading.gate != nullptr ? widen(reading.gate[n * shape.c + c]) : 1;
    return widen(narrow<T>(active * gate));
  }
};

/// A thread a channel, over every few pixels. x: [n, h, w, c]; w: [kh, kw, c]; results: [n, oh, ow,
/// c].
template <class T>
__global__ void any_forward_kernel(GridDependency earlier, const AnyShape shape,
                                   const AnyInput<T> x, const float* w, const Writing<T> writing) {
  earlier.wait();
  const nn::Window& v = shape.window;
  const std::int64_t c = shape.channel(blockIdx.x);
  RunningMoments<1> moments;
  if (c < shape.in.c) {
    const std::int64_t pixels = shape.out.n * shape.out.h * shape.out.w;
    for (std::int64_t p = shape.first_pixel(); p < pixels; p += shape.pixel_step()) {
      const Pixel at(p, shape.out.h, shape.out.w);
      float sum = 0;
      for (std::int64_t ky = 0; ky < v.kernel_h; ++ky) {
        for (std::int64_t kx = 0; kx < v.kernel_w; ++kx) {
          sum += x.at(at.n, at.y * v.stride_h + ky - v.top, at.x * v.stride_w + kx - v.left, c) *
                 w[(ky * v.kernel_w + kx) * shape.in.c + c];
        }
      }
      const std::int64_t i = p * shape.out.c + c;
      const float residual = writing.residual != nullptr ? widen(writing.residual[i]) : 0;
      const float value = sum * writing.factor(c) + writing.addend(c) + residual;
      writing.y[i] = narrow<T>(nn::activate(writing.activation, value));
      const float stored[1] = {widen(writing.y[i])};
      moments.begin(stored);
      moments.add(stored);
    }
  }
  if (writing.moments == nullptr) return;
  Moments merged[1] = {moments.moments(0)};
  merge_lanes(kChannels, kPixels, merged, &shared_memory<Moments>());
  if (c < shape.in.c && threadIdx.x < kChannels) {
    writing.moments[blockIdx.y * shape.in.c + c] = merged[0];
  }
}

/// A thread a channel, over every few pixels. dy: [n, oh, ow, c]; w: [kh, kw, c]; dx: [n, h, w, c].
template <class T>
__global__ void any_backward_data_kernel(GridDependency earlier, const AnyShape shape, const T* dy,
                                         const float* w, T* dx) {
  earlier.wait();
  const nn::Window& v = shape.window;
  const std::int64_t c = shape.channel(blockIdx.x);
  if (c >= shape.in.c) return;
  const std::int64_t pixels = shape.in.n * shape.in.h * shape.in.w;
  for (std::int64_t p = shape.first_pixel(); p < pixels; p += shape.pixel_step()) {
    const Pixel at(p, shape.in.h, shape.in.w);
    float sum = 0;
    for (std::int64_t ky = 0; ky < v.kernel_h; ++ky) {
      const std::int64_t y = at.y + v.top - ky;
      if (y < 0 || y % v.stride_h != 0 || y / v.stride_h >= shape.out.h) continue;
      for (std::int64_t kx = 0; kx < v.kernel_w; ++kx) {
        const std::int64_t x = at.x + v.left - kx;
        if (x < 0 || x % v.stride_w != 0 || x / v.stride_w >= shape.out.w) continue;
        const std::int64_t from =
            (at.n * shape.out.h + y / v.stride_h) * shape.out.w + x / v.stride_w;
        sum += widen(dy[from * shape.out.c + c]) * w[(ky * v.kernel_w + kx) * shape.in.c + c];
      }
    }
    dx[p * shape.in.c + c] = narrow<T>(sum);
  }
}

/// blockIdx.x: the slice of channels of an element of the window; the last element is the bias.
template <class T>
__global__ void any_weights_kernel(GridDependency earlier, const AnyShape shape,
                                   const AnyInput<T> x, const T* dy, PlainSum* partial) {
  earlier.wait();
  const nn::Window& v = shape.window;
  const std::int64_t slices = ceil_div(shape.in.c, kChannels);
  const std::int64_t tap = blockIdx.x / slices;
  const std::int64_t taps = v.kernel_h * v.kernel_w;
  const std::int64_t c = shape.channel(blockIdx.x % slices);
  PlainSum sum[1];
  if (c < shape.in.c) {
    const std::int64_t pixels = shape.out.n * shape.out.h * shape.out.w;
    for (std::int64_t p = shape.first_pixel(); p < pixels; p += shape.pixel_step()) {
      const Pixel at(p, shape.out.h, shape.out.w);
      const float from = tap == taps ? 1
                                     : x.at(at.n, at.y * v.stride_h + tap / v.kernel_w - v.top,
                                            at.x * v.stride_w + tap % v.kernel_w - v.left, c);
      sum[0].sum += from * widen(dy[p * shape.out.c + c]);
    }
  }
  merge_lanes(kChannels, kPixels, sum, &shared_memory<PlainSum>());
  if (c < shape.in.c && threadIdx.x < kChannels) {
    partial[(blockIdx.y * (taps + 1) + tap) * shape.in.c + c] = sum[0];
  }
}

std::int64_t slices_of(const Shape& shape) {
  return ceil_div(shape.c, kChannels);
}

/// Blocks of a slice of channels.
int blocks_of(Stream& stream, const Shape& pixels) {
  const std::int64_t most = std::int64_t{multiprocessors(stream)} * kMostBlocks;
  const std::int64_t work = ceil_div(pixels.n * pixels.h * pixels.w, kPixels);
  return static_cast<int>(std::min(work, std::max<std::int64_t>(most / slices_of(pixels), 1)));
}

LaunchShape launch_shape(std::int64_t slices, int blocks, std::size_t shared_bytes = 0) {
  return {dim3(static_cast<unsigned>(slices), static_cast<unsigned>(blocks)),
          dim3(kChannels * kPixels), shared_bytes};
}

}  // namespace

void any_forward(Stream& stream, const nn::DepthwiseShape& shape, const nn::ConvolutionForward& t) {
  with_element(t.x.dtype, [&]<class T>(T) {
    const int blocks = blocks_of(stream, t.y.shape);
    Arena::Scope scratch(stream.scratch());
    Writing<T> writing(t.y, t.b, t.epilogue);
    if (t.epilogue.mean) writing.moments = take_parts<Moments>(scratch, blocks, t.y.shape.c);
    launch_dependent(stream, "depthwise_forward", any_forward_kernel<T>,
                     launch_shape(slices_of(t.y.shape), blocks,
                                  merge_lanes_bytes<Moments, 1>(kChannels, kPixels)),
                     AnyShape(shape), AnyInput<T>{t.x.as<T>(), t.x.shape, Reading<T>(t.prologue)},
                     t.w.as<float>(), writing);
    merge_statistics(stream, blocks, t.y.shape.c, writing.moments, t.epilogue);
  });
}

void any_backward_data(Stream& stream, const nn::DepthwiseShape& shape, ConstView dy, ConstView w,
                       View dx) {
  with_element(dy.dtype, [&]<class T>(T) {
    launch_dependent(stream, "depthwise_backward_data", any_backward_data_kernel<T>,
                     launch_shape(slices_of(dx.shape), blocks_of(stream, dx.shape)),
                     AnyShape(shape), dy.as<T>(), w.as<float>(), dx.as<T>());
  });
}

void any_backward_weights(Stream& stream, const nn::DepthwiseShape& shape,
                          const nn::ConvolutionWeightGradient& t) {
  with_element(t.x.dtype, [&]<class T>(T) {
    const int blocks = blocks_of(stream, t.dy.shape);
    const std::int64_t rows = shape.window.kernel_h * shape.window.kernel_w + 1;
    Arena::Scope scratch(stream.scratch());
    PlainSum* const partial = take_parts<PlainSum>(scratch, blocks, rows * t.x.shape.c);
    launch_dependent(stream, "depthwise_backward_weights", any_weights_kernel<T>,
                     launch_shape(slices_of(t.x.shape) * rows, blocks,
                                  merge_lanes_bytes<PlainSum, 1>(kChannels, kPixels)),
                     AnyShape(shape), AnyInput<T>{t.x.as<T>(), t.x.shape, Reading<T>(t.prologue)},
                     t.dy.as<T>(), partial);
    merge_weights(stream, shape, blocks, partial, t.dw, t.db);
  });
}

std::size_t any_scratch_bytes(Stream& stream, const nn::DepthwiseShape& shape) {
  const int blocks = blocks_of(stream, shape.output());
  const std::int64_t rows = shape.window.kernel_h * shape.window.kernel_w + 1;
  return std::max(parts_bytes<Moments>(blocks, shape.input.c),
                  parts_bytes<PlainSum>(blocks, rows * shape.input.c));
}

}  // namespace paretiny::cuda::depthwise
