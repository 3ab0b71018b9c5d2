// Bytes a parameter: 20 for SGD (gradient, weight and moment read, two of them written), 28 for
// Adam; 2 more where the weights are wanted in bf16 too.
#include "kernels/nn/training/optimizer.h"

#include <cmath>

#include "kernels/core/cpu/elements.h"
#include "kernels/core/threads.h"

namespace paretiny::cpu {
namespace {

/// cast[begin, end) = weight[begin, end); nothing where there is no cast.
void cast_range(const float* weight, bf16* cast, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; cast != nullptr && i < end; ++i) cast[i] = to_bf16(weight[i]);
}

void sgd_step(Stream&, const nn::SgdOptions& options, ConstView rate_view,
              const nn::OptimizerArrays& t) {
  const float rate = *rate_view.as<float>();
  const float momentum = options.momentum, decay = options.weight_decay;
  const float* gradient = t.g.as<float>();
  float* weight = t.w.as<float>();
  float* buffer = t.m.as<float>();
  bf16* cast = t.cast.as<bf16>();
  // w -= rate * (take_g * g + take_m * m) covers both forms.
  const float take_g = options.nesterov ? 1.0f : 0.0f;
  const float take_m = options.nesterov ? momentum : 1.0f;
  parallel_ranges(t.g.elements(), t.g.elements() >= kParallelElements,
                  [=](std::int64_t begin, std::int64_t end) {
#pragma omp simd
                    for (std::int64_t i = begin; i < end; ++i) {
                      const float step = gradient[i] + decay * weight[i];
                      const float moved = momentum * buffer[i] + step;
                      buffer[i] = moved;
                      weight[i] -= rate * (take_g * step + take_m * moved);
                    }
                    cast_range(weight, cast, begin, end);
                  });
}

void adam_step(Stream&, const nn::AdamOptions& options, ConstView schedule,
               const nn::OptimizerArrays& t) {
  const float rate = schedule.as<float>()[0];
  const float scale1 = 1 / schedule.as<float>()[1];
  const float scale2 = 1 / schedule.as<float>()[2];
  const float shrink = options.decoupled ? 1 - rate * options.weight_decay : 1.0f;
  const float decay = options.decoupled ? 0.0f : options.weight_decay;
  const float* gradient = t.g.as<float>();
  float* weight = t.w.as<float>();
  float* first = t.m.as<float>();
  float* second = t.v.as<float>();
  bf16* cast = t.cast.as<bf16>();
  const auto keep1 = static_cast<float>(options.beta1),
             take1 = static_cast<float>(1 - options.beta1);
  const auto keep2 = static_cast<float>(options.beta2),
             take2 = static_cast<float>(1 - options.beta2);
  const float epsilon = options.epsilon;
  parallel_ranges(t.g.elements(), t.g.elements() >= kParallelElements,
                  [=](std::int64_t begin, std::int64_t end) {
#pragma omp simd
                    for (std::int64_t i = begin; i < end; ++i) {
                      const float step = gradient[i] + decay * weight[i];
                      const float mean = keep1 * first[i] + take1 * step;
                      const float square = keep2 * second[i] + take2 * step * step;
                      first[i] = mean;
                      second[i] = square;
                      weight[i] = weight[i] * shrink -
                                  rate * (mean * scale1) / (std::sqrt(square * scale2) + epsilon);
                    }
                    cast_range(weight, cast, begin, end);
                  });
}

void cast_weights(Stream&, ConstView w, View cast) {
  parallel_ranges(w.elements(), w.elements() >= kParallelElements,
                  [from = w.as<float>(), to = cast.as<bf16>()](
                      std::int64_t begin, std::int64_t end) { cast_range(from, to, begin, end); });
}

const Twin sgd(nn::twins::sgd_step, DeviceKind::cpu, sgd_step);
const Twin adam(nn::twins::adam_step, DeviceKind::cpu, adam_step);
const Twin cast(nn::twins::cast_weights, DeviceKind::cpu, cast_weights);

}  // namespace
}  // namespace paretiny::cpu
