// Softmax cross entropy: a warp a sample, any number of classes, in double as on the CPU (logits
// are few); then one block adds up the samples in order. Whether a sample was right goes from one
// to the other in the sign of its loss, which is never negative.
#include <cmath>

#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/cuda/shared.h"
#include "kernels/core/host_device.h"
#include "kernels/nn/training/loss.h"

namespace paretiny::cuda {
namespace {

constexpr int kSamples = 4;  // of a block

/// The largest of some logits and the first place where it stands.
struct Largest {
  float value;
  int place;

  __device__ void merge(const Largest& other) {
    if (other.value > value || (other.value == value && other.place < place)) *this = other;
  }
};

__device__ Largest warp_largest(Largest mine) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    const float value = __shfl_xor_sync(kAllLanes, mine.value, distance);
    const int place = __shfl_xor_sync(kAllLanes, mine.place, distance);
    mine.merge({value, place});
  }
  return mine;
}

/// A warp a sample. logits, dlogits: [samples, classes]; labels, loss: [samples]. A right
/// prediction is marked in the sign of its loss, which totals_kernel takes away again.
__global__ void cross_entropy_kernel(GridDependency earlier, int samples, int classes,
                                     double smoothing, float weight, const float* logits,
                                     const std::int32_t* labels, float* loss, float* dlogits) {
  earlier.wait();
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int sample =
      static_cast<int>(blockIdx.x) * kSamples + static_cast<int>(threadIdx.x) / kWarp;
  if (sample >= samples) return;
  const std::int64_t first = std::int64_t{sample} * classes;
  logits += first;
  Largest mine{-INFINITY, classes};
  if (lane < classes) mine = {logits[lane], lane};
  for (int k = lane + kWarp; k < classes; k += kWarp) mine.merge({logits[k], k});
  const Largest top = warp_largest(mine);

  const double largest = top.value;
  double sum = 0, distance = 0;  // distance: sum of largest - logit
  for (int k = lane; k < classes; k += kWarp) {
    sum += exp(logits[k] - largest);
    distance += largest - logits[k];
  }
  const double log_sum = log(warp_sum(sum));
  const double share = smoothing / classes;
  const int label = labels[sample];
  const double total =
      log_sum + (1.0 - smoothing) * (largest - logits[label]) + share * warp_sum(distance);
  if (lane == 0) {
    const float size = fabsf(static_cast<float>(total));
    loss[sample] = top.place == label ? -size : size;
  }
  if (dlogits == nullptr) return;
  for (int k = lane; k < classes; k += kWarp) {
    const double target = share + (k == label ? 1.0 - smoothing : 0.0);
    const double probability = exp(logits[k] - largest - log_sum);
    dlogits[first + k] = static_cast<float>((probability - target) * weight);
  }
}

struct TotalsShared {
  double partial[kWarp];
};

/// One block. loss: [samples]; totals: [2].
__global__ void totals_kernel(GridDependency earlier, int samples, float* loss, float* totals) {
  earlier.wait();
  double sum = 0, correct = 0;
  for (int i = static_cast<int>(threadIdx.x); i < samples; i += static_cast<int>(blockDim.x)) {
    const float marked = loss[i];
    const float size = fabsf(marked);
    sum += size;
    if (__float_as_uint(marked) != __float_as_uint(size)) correct += 1;
    loss[i] = size;
  }
  auto& shared = shared_memory<TotalsShared>();
  sum = block_sum(sum, shared.partial);
  correct = block_sum(correct, shared.partial);
  if (threadIdx.x == 0) {
    totals[0] += static_cast<float>(sum);
    totals[1] += static_cast<float>(correct);
  }
}

void softmax_cross_entropy(Stream& stream, float smoothing, const nn::CrossEntropy& t) {
  const auto samples = static_cast<int>(t.logits.shape.n);
  const auto classes = static_cast<int>(t.logits.shape.c);
  const auto blocks = static_cast<unsigned>(ceil_div(samples, kSamples));
  launch_dependent(stream, "softmax_cross_entropy", cross_entropy_kernel,
                   {dim3(blocks), dim3(kSamples * kWarp)}, samples, classes, double{smoothing},
                   1 / static_cast<float>(samples), t.logits.as<float>(),
                   t.labels.as<std::int32_t>(), t.loss.as<float>(), t.dlogits.as<float>());
  launch_dependent(stream, "softmax_cross_entropy: totals", totals_kernel,
                   {dim3(1), dim3(256), sizeof(TotalsShared)}, samples, t.loss.as<float>(),
                   t.totals.as<float>());
}

const Twin twin(nn::twins::softmax_cross_entropy, DeviceKind::cuda, softmax_cross_entropy);

}  // namespace
}  // namespace paretiny::cuda
