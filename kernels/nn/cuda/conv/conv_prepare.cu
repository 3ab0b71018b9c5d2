// What our own convolution needs before it starts: tensors padded to whole packs of channels, and
// weights in the order in which a pass meets them. A thread writes one pack or one weight.
#include <algorithm>

#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/cuda/vector.h"
#include "kernels/core/host_device.h"
#include "kernels/nn/cuda/conv/conv_kernels.h"

namespace paretiny::cuda {
namespace {

constexpr int kThreads = kBlockThreads;

/// Blocks take `block_rows` rows each; to: rows of `row_packs` packs.
template <class T>
__global__ void pad_kernel(GridDependency earlier, const T* from, T* to, std::int64_t rows,
                           int channels, int row_packs, int block_rows) {
  earlier.wait();
  const std::int64_t first = std::int64_t{blockIdx.x} * block_rows;
  const int here = static_cast<int>(rows - first < block_rows ? rows - first : block_rows);
  for (int i = static_cast<int>(threadIdx.x); i < here * row_packs; i += kThreads) {
    const std::int64_t row = first + i / row_packs;
    const int channel = i % row_packs * kPack<T>;
    store_pack(to + (row * row_packs) * kPack<T> + channel,
               load_some(from + row * channels + channel, channels - channel));
  }
}

/// A Prologue, element by element of pixels of `channels`.
template <class T>
__global__ void read_kernel(GridDependency earlier, const T* from, T* to, std::int64_t count,
                            int channels, InputTransform input) {
  earlier.wait();
  const std::int64_t threads = std::int64_t{gridDim.x} * blockDim.x;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count;
       i += threads) {
    const auto channel = static_cast<int>(i % channels);
    const float scale = input.scale != nullptr ? input.scale[channel] : 1.0f;
    const float shift = input.shift != nullptr ? input.shift[channel] : 0.0f;
    float x[1] = {scale * widen(from[i]) + shift};
    activate_all(input.activation, x);
    if (input.gate != nullptr) {
      const std::int64_t row = input.image(i / channels);
      x[0] *= widen(static_cast<const T*>(input.gate)[row * channels + channel]);
    }
    to[i] = narrow<T>(x[0]);
  }
}

/// Weights w [out][kernel_h][kernel_w][in]; to: see gather_weights.
template <class W, class T>
__global__ void arrange_kernel(GridDependency earlier, Gather gather, const W* w, T* to,
                               int in_channels, int out_channels) {
  earlier.wait();
  const int depth = gather.depth();
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= gather.phases() * gather.target_channels * depth) return;
  const int phase = i / depth / gather.target_channels;
  const int target = i / depth % gather.target_channels;
  const int tap = i % depth / gather.source_channels;
  const int source = i % depth % gather.source_channels;
  const Walk y = gather.y.walk(phase / gather.x.phases());
  const Walk x = gather.x.walk(phase % gather.x.phases());
  const bool backward = gather.y.backward;
  float value = 0;
  if (tap < y.taps * x.taps && source < (backward ? out_channels : in_channels)) {
    const int ky = y.tap + tap / x.taps * y.tap_step;
    const int kx = x.tap + tap % x.taps * x.tap_step;
    const int out = backward ? source : target;
    const int in = backward ? target : source;
    value = widen(w[((out * gather.y.kernel + ky) * gather.x.kernel + kx) * in_channels + in]);
  }
  to[i] = narrow<T>(value);
}

bool has_whole_packs(const ConstView& tensor) {
  bool whole = false;
  with_element(tensor.dtype, [&]<class T>(T) { whole = packs(tensor.as<T>(), tensor.shape.c); });
  return whole;
}

Shape padded(const Shape& shape, DType dtype) {
  return {shape.n, shape.h, shape.w, padded_channels(shape.c, dtype)};
}

}  // namespace

ConstView with_whole_packs(Stream& stream, Arena::Scope& scratch, const ConstView& tensor) {
  if (has_whole_packs(tensor)) return tensor;
  const View copy = scratch.take(tensor.dtype, padded(tensor.shape, tensor.dtype));
  const std::int64_t rows = copy.elements() / copy.shape.c;
  with_element(tensor.dtype, [&]<class T>(T) {
    const int row_packs = static_cast<int>(copy.shape.c) / kPack<T>;
    const int block_rows = std::max(8 * kThreads / row_packs, 1);
    const std::int64_t blocks = ceil_div(rows, block_rows);
    launch_dependent(stream, "conv_pad", pad_kernel<T>,
                     {dim3(static_cast<unsigned>(blocks)), dim3(kThreads)}, tensor.as<T>(),
                     copy.as<T>(), rows, static_cast<int>(tensor.shape.c), row_packs, block_rows);
  });
  return copy;
}

ConstView read_through(Stream& stream, Arena::Scope& scratch, const ConstView& tensor,
                       const nn::Prologue& prologue) {
  if (prologue.empty()) return tensor;
  const View copy = scratch.take(tensor.dtype, tensor.shape);
  const std::int64_t most = std::int64_t{multiprocessors(stream)} * 16;
  const std::int64_t blocks = std::min(ceil_div(copy.elements(), std::int64_t{kThreads}), most);
  with_element(tensor.dtype, [&]<class T>(T) {
    launch_dependent(stream, "conv_read", read_kernel<T>,
                     {dim3(static_cast<unsigned>(blocks)), dim3(kThreads)}, tensor.as<T>(),
                     copy.as<T>(), copy.elements(), static_cast<int>(tensor.shape.c),
                     InputTransform(prologue, tensor.shape));
  });
  return copy;
}

std::size_t whole_packs_bytes(const Shape& shape, DType dtype) {
  const Shape whole = padded(shape, dtype);
  if (whole == shape) return 0;
  return aligned(static_cast<std::size_t>(whole.elements()) * size_of(dtype));
}

ConstView gather_weights(Stream& stream, Arena::Scope& scratch, const Gather& gather,
                         const nn::ConvShape& shape, const ConstView& w, DType activations) {
  const Shape arranged{gather.phases(), 1, gather.target_channels, gather.depth()};
  if (w.dtype == DType::bf16 && !gather.y.backward && packs(w.as<bf16>(), shape.input.c)) {
    return view(w.data, w.dtype, arranged);
  }
  const View weights = scratch.take(activations, arranged);
  const LaunchShape launch{dim3(static_cast<unsigned>(ceil_div(weights.elements(), kThreads))),
                           dim3(kThreads)};
  const auto arrange = [&]<class W, class T>(const W* from, T* to) {
    launch_dependent(stream, "conv_weights", arrange_kernel<W, T>, launch, gather, from, to,
                     static_cast<int>(shape.input.c), static_cast<int>(shape.out_channels));
  };
  if (w.dtype == DType::bf16) {
    arrange(w.as<bf16>(), weights.as<bf16>());
  } else {
    with_element(activations, [&]<class T>(T) { arrange(w.as<float>(), weights.as<T>()); });
  }
  return weights;
}

std::size_t gather_weights_bytes(const Gather& gather, DType activations) {
  return aligned(static_cast<std::size_t>(gather.phases()) *
                 static_cast<std::size_t>(gather.target_channels) *
                 static_cast<std::size_t>(gather.depth()) * size_of(activations));
}

}  // namespace paretiny::cuda
