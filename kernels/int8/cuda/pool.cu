// int8 pools, mean and softmax. A pool: a thread makes 16 channels of a pixel, or one where rows of
// channels cannot be read 16 bytes at a time; windows overlap in the caches. Mean: a block sums 32
// channels of an image, 8 rows of threads over its pixels. Softmax: a warp a row.
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/cuda/shared.h"
#include "kernels/core/host_device.h"
#include "kernels/int8/cuda/bytes.h"
#include "kernels/int8/cuda/window.h"
#include "kernels/int8/int8.h"

namespace paretiny::cuda {
namespace {

constexpr int kThreads = kBlockThreads;

struct Average {
  int8::Int8Range range;
  __device__ int start() const { return 0; }
  __device__ int add(int sum, int x) const { return sum + x; }
  __device__ int finish(int sum, int count) const {
    const int half = sum > 0 ? count / 2 : -(count / 2);
    return int8::clamp((sum + half) / count, range.low, range.high);
  }
};

struct Largest {
  int8::Int8Range range;
  __device__ int start() const { return range.low; }
  __device__ int add(int largest, int x) const { return max(largest, x); }
  __device__ int finish(int largest, int) const { return min(largest, range.high); }
};

/// kChannels: 16 or 1.
template <int kChannels, class Pool>
__global__ void pool_kernel(Int8Window task, Pool pool, const std::int8_t* x, std::int8_t* y) {
  const std::int64_t thread = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const int groups = task.c / kChannels;
  const std::int64_t pixel = thread / groups;
  const int channel = static_cast<int>(thread % groups) * kChannels;
  if (pixel >= task.pixels) return;
  const std::int64_t row = pixel / task.out_w, n = row / task.out_h;
  const int top = static_cast<int>(row % task.out_h) * task.stride_h - task.top;
  const int left = static_cast<int>(pixel % task.out_w) * task.stride_w - task.left;
  const int y0 = max(top, 0), y1 = min(top + task.kernel_h, task.h);
  const int x0 = max(left, 0), x1 = min(left + task.kernel_w, task.w);

  int value[kChannels];
  for (int& v : value) v = pool.start();
  for (int iy = y0; iy < y1; ++iy) {
    for (int ix = x0; ix < x1; ++ix) {
      const std::int8_t* from = x + ((n * task.h + iy) * task.w + ix) * task.c + channel;
      if constexpr (kChannels == 16) {
        const Words words = load_words(from);
        for (int k = 0; k < 16; ++k)
          value[k] = pool.add(value[k], byte_of(words.word[k / 4], k % 4));
      } else {
        value[0] = pool.add(value[0], *from);
      }
    }
  }
  const int count = (y1 - y0) * (x1 - x0);
  for (int& v : value) v = pool.finish(v, count);
  std::int8_t* to = y + pixel * task.c + channel;
  if constexpr (kChannels == 16) {
    Words words;
    for (int k = 0; k < 4; ++k) {
      words.word[k] = word_of(value[4 * k], value[4 * k + 1], value[4 * k + 2], value[4 * k + 3]);
    }
    store_words(to, words);
  } else {
    *to = static_cast<std::int8_t>(value[0]);
  }
}

template <class Pool>
void run_pool(Stream& stream, const char* name, const nn::PoolShape& shape, Pool pool, ConstView x,
              View y) {
  const Shape in = shape.input, out = shape.output();
  const Int8Window task(in, out, shape.window);
  const bool wide = reads_in(16, x.data, in.c) && reads_in(16, y.data, in.c);
  const std::int64_t threads = task.pixels * (wide ? in.c / 16 : in.c);
  launch(stream, name, wide ? pool_kernel<16, Pool> : pool_kernel<1, Pool>,
         {dim3(static_cast<unsigned>(ceil_div(threads, kThreads))), dim3(kThreads)}, task, pool,
         x.as<std::int8_t>(), y.as<std::int8_t>());
}

void average_pool(Stream& stream, const nn::PoolShape& shape, const int8::Int8Range& range,
                  ConstView x, View y) {
  run_pool(stream, "int8_average_pool", shape, Average{range}, x, y);
}

void max_pool(Stream& stream, const nn::PoolShape& shape, const int8::Int8Range& range, ConstView x,
              View y) {
  run_pool(stream, "int8_max_pool", shape, Largest{range}, x, y);
}

constexpr int kMeanRows = kBlockThreads / kWarp;  // of threads, which share an image's pixels

struct MeanShared {
  int sums[kMeanRows][kWarp];
};

/// A block 32 channels of a sample, kMeanRows threads down the pixels. x: [n, pixels, channels]; y:
/// [n, channels].
__global__ void mean_kernel(int8::Int8MeanParameters parameters, std::int64_t pixels, int channels,
                            const std::int8_t* x, std::int8_t* y) {
  auto& shared = shared_memory<MeanShared>();
  const unsigned lane = threadIdx.x, row = threadIdx.y;
  const std::int64_t n = blockIdx.x;
  const int channel = static_cast<int>(blockIdx.y * kWarp + lane);
  int sum = 0;
  if (channel < channels) {
    const std::int8_t* from = x + n * pixels * channels + channel;
    for (std::int64_t i = row; i < pixels; i += kMeanRows) sum += from[i * channels];
  }
  shared.sums[row][lane] = sum;
  __syncthreads();
  if (row > 0 || channel >= channels) return;
  for (int r = 1; r < kMeanRows; ++r) sum += shared.sums[r][lane];
  sum -= static_cast<int>(pixels) * parameters.input_zero_point;
  y[n * channels + channel] =
      int8::requantize(sum, parameters.output, parameters.output_zero_point, {});
}

void mean(Stream& stream, const int8::Int8MeanParameters& parameters, ConstView x, View y) {
  const Shape& in = x.shape;
  const dim3 blocks(static_cast<unsigned>(in.n), static_cast<unsigned>(ceil_div(in.c, kWarp)));
  launch(stream, "int8_mean", mean_kernel, {blocks, dim3(kWarp, kMeanRows), sizeof(MeanShared)},
         parameters, in.h * in.w, in.c, x.as<std::int8_t>(), y.as<std::int8_t>());
}

/// y may be x: a lane reads and writes its own channels only.
__global__ void softmax_kernel(int8::Int8SoftmaxParameters parameters, std::int64_t rows,
                               int channels, const std::int8_t* x, std::int8_t* y) {
  const int lane = static_cast<int>(threadIdx.x % kWarp);
  const std::int64_t row = (std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x) / kWarp;
  if (row >= rows) return;
  const std::int8_t* from = x + row * channels;
  int most = -128;
  for (int c = lane; c < channels; c += kWarp) most = max(most, int{from[c]});
  most = warp_combine(most, [](int a, int b) { return max(a, b); });
  int sum = 0;
  for (int c = lane; c < channels; c += kWarp) {
    sum += int8::softmax_addend(int8::quantized_exponential(from[c] - most, parameters));
  }
  const int8::SoftmaxScale scale = int8::softmax_scale(warp_sum(sum));
  for (int c = lane; c < channels; c += kWarp) {
    y[row * channels + c] =
        int8::softmax_output(int8::quantized_exponential(from[c] - most, parameters), scale);
  }
}

void softmax(Stream& stream, const int8::Int8SoftmaxParameters& parameters, ConstView x, View y) {
  const std::int64_t rows = x.elements() / x.shape.c;
  const auto blocks = static_cast<unsigned>(ceil_div(rows * kWarp, kThreads));
  launch(stream, "int8_softmax", softmax_kernel, {dim3(blocks), dim3(kThreads)}, parameters, rows,
         x.shape.c, x.as<std::int8_t>(), y.as<std::int8_t>());
}

const Twin average_pool_twin(int8::twins::int8_average_pool, DeviceKind::cuda, average_pool);
const Twin max_pool_twin(int8::twins::int8_max_pool, DeviceKind::cuda, max_pool);
const Twin mean_twin(int8::twins::int8_mean, DeviceKind::cuda, mean);
const Twin softmax_twin(int8::twins::int8_softmax, DeviceKind::cuda, softmax);

}  // namespace
}  // namespace paretiny::cuda
