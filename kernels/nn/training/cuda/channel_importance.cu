// Importance of channels. filter_score: a block a filter, or, where filters are the last extent
// (depthwise), a thread a filter, so that neighbours read neighbours. Reads w (and g) once.
// positive_share: a reduction over rows, channel_reduce.h.
#include "kernels/core/cuda/launch.h"
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/cuda/shared.h"
#include "kernels/core/host_device.h"
#include "kernels/nn/cuda/channel_reduce.h"
#include "kernels/nn/training/channel_importance.h"

namespace paretiny::cuda {
namespace {

constexpr int kThreads = 128;  // a filter has some hundred weights

__device__ float score_of(nn::FilterScore score, const float* w, const float* g, std::int64_t i) {
  if (score == nn::FilterScore::taylor) return fabsf(w[i] * g[i]);
  return score == nn::FilterScore::l2 ? w[i] * w[i] : fabsf(w[i]);
}

struct SumShared {
  float partial[kWarp];
};

/// A block a filter. w, g: [filters, size]; scores: [filters], added to.
__global__ void filter_kernel(nn::FilterScore score, const float* w, const float* g,
                              std::int64_t size, float* scores) {
  auto& shared = shared_memory<SumShared>();
  const std::int64_t first = blockIdx.x * size;
  float sum = 0;
  for (std::int64_t k = threadIdx.x; k < size; k += kThreads) {
    sum += score_of(score, w, g, first + k);
  }
  sum = block_sum(sum, shared.partial);
  if (threadIdx.x == 0) scores[blockIdx.x] += sum;
}

/// A thread a filter. w, g: [size, filters]; scores: [filters], added to.
__global__ void depthwise_filter_kernel(nn::FilterScore score, const float* w, const float* g,
                                        std::int64_t filters, std::int64_t size, float* scores) {
  const std::int64_t filter = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (filter >= filters) return;
  float sum = 0;
  for (std::int64_t k = 0; k < size; ++k) sum += score_of(score, w, g, k * filters + filter);
  scores[filter] += sum;
}

void filter_score(Stream& stream, nn::FilterScore score, ConstView w, ConstView g, View scores) {
  const std::int64_t filters = scores.shape.c;
  const std::int64_t size = w.elements() / filters;
  if (w.shape.n == filters) {
    launch(stream, "filter_score", filter_kernel,
           {dim3(static_cast<unsigned>(filters)), dim3(kThreads), sizeof(SumShared)}, score,
           w.as<float>(), g.as<float>(), size, scores.as<float>());
  } else {
    const auto blocks = static_cast<unsigned>(ceil_div(filters, kThreads));
    launch(stream, "filter_score", depthwise_filter_kernel, {dim3(blocks), dim3(kThreads)}, score,
           w.as<float>(), g.as<float>(), filters, size, scores.as<float>());
  }
}

struct IsPositive {
  __device__ float operator()(float x) const { return x > 0 ? 1.0f : 0.0f; }
};

struct AddShare {
  float rows;
  float* scores;
  __device__ void operator()(int channel, const PlainSum& count) const {
    scores[channel] += count.sum / rows;
  }
};

void positive_share(Stream& stream, ConstView x, View scores) {
  const std::int64_t rows = x.elements() / x.shape.c;
  with_element(x.dtype, [&]<class T>(T) {
    sum_channels(stream, "positive_share", rows, x.shape.c, IsPositive{},
                 AddShare{static_cast<float>(rows), scores.as<float>()}, x.as<T>());
  });
}

const Twin filter_score_twin(nn::twins::filter_score, DeviceKind::cuda, filter_score);
const Twin positive_share_twin(nn::twins::positive_share, DeviceKind::cuda, positive_share);

}  // namespace
}  // namespace paretiny::cuda
