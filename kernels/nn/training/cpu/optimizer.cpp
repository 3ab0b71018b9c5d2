// Bytes a parameter: 20 for SGD (gradient, weight and moment read, two of them written), 28 for
// Adam.
#include "kernels/nn/training/optimizer.h"

#include <cmath>

#include "kernels/core/cpu/elements.h"
#include "kernels/core/threads.h"

namespace paretiny::cpu {
namespace {

void sgd_step(Stream&, const nn::SgdOptions& options, ConstView rate_view,
              const nn::OptimizerArrays& t) {
  const float rate = *rate_view.as<float>();
  const float momentum = options.momentum, decay = options.weight_decay;
  const float* gradient = t.g.as<float>();
  float* weight = t.w.as<float>();
  float* buffer = t.m.as<float>();
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
                  });
}

const Twin sgd(nn::twins::sgd_step, DeviceKind::cpu, sgd_step);
const Twin adam(nn::twins::adam_step, DeviceKind::cpu, adam_step);

}  // namespace
}  // namespace paretiny::cpu
