// One exponential a logit forward and one backward, in double precision: some hundred classes, so
// no loop is hot.
#include "kernels/nn/training/loss.h"

#include <cmath>

namespace paretiny::cpu {
namespace {

/// Loss of one sample, and whether its first largest logit is the label's. Writes
/// dlogits = (softmax - target) * weight unless it is null.
struct SampleResult {
  float loss;
  bool correct;
};

SampleResult sample(const float* logits, std::int64_t classes, std::int32_t label, float smoothing,
                    float weight, float* dlogits) {
  std::int64_t first_largest = 0;
  for (std::int64_t k = 1; k < classes; ++k) {
    if (logits[k] > logits[first_largest]) first_largest = k;
  }
  const float largest = logits[first_largest];
  double sum = 0, distance = 0;  // distance: sum of largest - logit
  for (std::int64_t k = 0; k < classes; ++k) {
    sum += std::exp(double{logits[k]} - largest);
    distance += double{largest} - logits[k];
  }
  const double log_sum = std::log(sum);
  const double share = double{smoothing} / static_cast<double>(classes);
  const double loss =
      log_sum + (1.0 - smoothing) * (double{largest} - logits[label]) + share * distance;
  if (dlogits != nullptr) {
    for (std::int64_t k = 0; k < classes; ++k) {
      const double target = share + (k == label ? 1.0 - smoothing : 0.0);
      const double probability = std::exp(double{logits[k]} - largest - log_sum);
      dlogits[k] = static_cast<float>((probability - target) * weight);
    }
  }
  return {static_cast<float>(loss), first_largest == label};
}

void softmax_cross_entropy(Stream&, float smoothing, const nn::CrossEntropy& t) {
  const std::int64_t n = t.logits.shape.n, classes = t.logits.shape.c;
  const float weight = 1 / static_cast<float>(n);
  double total = 0;
  std::int64_t correct = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    float* gradient = t.dlogits ? t.dlogits.as<float>() + i * classes : nullptr;
    const SampleResult result = sample(t.logits.as<float>() + i * classes, classes,
                                       t.labels.as<std::int32_t>()[i], smoothing, weight, gradient);
    t.loss.as<float>()[i] = result.loss;
    total += result.loss;
    correct += result.correct;
  }
  t.totals.as<float>()[0] += static_cast<float>(total);
  t.totals.as<float>()[1] += static_cast<float>(correct);
}

const Twin twin(nn::twins::softmax_cross_entropy, DeviceKind::cpu, softmax_cross_entropy);

}  // namespace
}  // namespace paretiny::cpu
