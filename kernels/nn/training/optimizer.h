// Optimiser steps over flat f32 arrays [1, 1, 1, count]. What changes from step to step lies in
// device memory, so that a captured graph can be replayed.
#pragma once

#include "kernels/core/dispatch.h"
#include "kernels/core/tensor.h"

namespace paretiny::nn {

/// The weights of a step, their gradients, and what the optimiser keeps of each.
struct OptimizerArrays {
  ConstView g{};
  View w{}, m{};
  View v{};     ///< adam_step's
  View cast{};  ///< bf16, or null: w as it is afterwards, rounded to nearest even
};

struct SgdOptions {
  float momentum = 0.9f;
  float weight_decay = 0;
  bool nesterov = true;
};

/// g += weight_decay * w; m = momentum * m + g; w -= rate * (nesterov ? g + momentum * m : m).
/// rate: [1, 1, 1, 1] f32.
void sgd_step(Stream&, const SgdOptions&, ConstView rate, const OptimizerArrays&);

struct AdamOptions {
  double beta1 = 0.9;  ///< double, because 1 - beta is used as well
  double beta2 = 0.999;
  float epsilon = 1e-8f;
  float weight_decay = 0;
  bool decoupled = true;  ///< AdamW: w *= 1 - rate * weight_decay; else g += weight_decay * w
};

/// m = beta1 * m + (1 - beta1) * g; v = beta2 * v + (1 - beta2) * g^2;
/// w -= rate * (m / correction1) / (sqrt(v / correction2) + epsilon).
/// schedule: [1, 1, 1, 3] f32 = rate, 1 - beta1^t, 1 - beta2^t with t counted from 1.
void adam_step(Stream&, const AdamOptions&, ConstView schedule, const OptimizerArrays&);

/// cast = w rounded to nearest even, as a step leaves it; for weights that no step has changed.
/// w: [1, 1, 1, count] f32; cast: the same in bf16.
void cast_weights(Stream&, ConstView w, View cast);

namespace twins {
extern Op<decltype(sgd_step)> sgd_step;
extern Op<decltype(adam_step)> adam_step;
extern Op<decltype(cast_weights)> cast_weights;
}  // namespace twins

}  // namespace paretiny::nn
