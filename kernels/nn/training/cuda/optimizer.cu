// Optimiser steps: one pass that reads the gradient and reads and writes the weights and their
// state, 20 bytes a weight for SGD and 28 for Adam; 2 more where the weights are wanted in bf16
// too.
#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/nn/cuda/convert.h"
#include "kernels/nn/cuda/elementwise.h"
#include "kernels/nn/training/optimizer.h"

namespace paretiny::cuda {
namespace {

struct Sgd {
  const float* schedule;  // the rate
  float momentum, decay;
  // w -= rate * (take_g * g + take_m * m) covers both forms.
  float take_g, take_m;
  float rate = 0;

  __device__ void begin() { rate = *schedule; }
  __device__ void operator()(float g, float& w, float& m) const {
    const float step = g + decay * w;
    m = momentum * m + step;
    w -= rate * (take_g * step + take_m * m);
  }
};

struct Adam {
  const float* schedule;  // the rate and the corrections
  float keep1, take1, keep2, take2;
  float epsilon, weight_decay;
  bool decoupled;
  float rate = 0, scale1 = 0, scale2 = 0, shrink = 1, decay = 0;

  __device__ void begin() {
    rate = schedule[0];
    scale1 = 1 / schedule[1];
    scale2 = 1 / schedule[2];
    shrink = decoupled ? 1 - rate * weight_decay : 1.0f;
    decay = decoupled ? 0.0f : weight_decay;
  }
  __device__ void operator()(float g, float& w, float& m, float& v) const {
    const float step = g + decay * w;
    m = keep1 * m + take1 * step;
    v = keep2 * v + take2 * step * step;
    w = w * shrink - rate * (m * scale1) / (sqrtf(v * scale2) + epsilon);
  }
};

/// rule(g[i], weights[i], more[i]...) for i < count; cast, or null: the weights in bf16.
template <class Rule, class... State>
__global__ void step_kernel(GridDependency earlier, std::int64_t count, bool aligned, Rule rule,
                            bf16* cast, const float* g, float* weights, State*... more) {
  earlier.wait();
  rule.begin();
  const std::int64_t thread = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const std::int64_t threads = std::int64_t{gridDim.x} * blockDim.x;
  const std::int64_t packs = aligned ? count / kPack<float> : 0;
  for (std::int64_t p = thread; p < packs; p += threads) {
    const std::int64_t i = p * kPack<float>;
    const Pack<float> gradient = load_pack(g + i);
    [&](Pack<float> weight, Pack<State>... pack) {
      for (int k = 0; k < kPack<float>; ++k) {
        rule(gradient.value[k], weight.value[k], pack.value[k]...);
      }
      store_pack(weights + i, weight);
      (store_pack(more + i, pack), ...);
      if (cast != nullptr) {
        *reinterpret_cast<uint2*>(cast + i) = {narrow_pair(weight.value[0], weight.value[1]),
                                               narrow_pair(weight.value[2], weight.value[3])};
      }
    }(load_pack(weights + i), load_pack(more + i)...);
  }
  for (std::int64_t i = packs * kPack<float> + thread; i < count; i += threads) {
    rule(g[i], weights[i], more[i]...);
    if (cast != nullptr) cast[i] = narrow<bf16>(weights[i]);
  }
}

template <class Rule, class... State>
void take_step(Stream& stream, const char* name, const nn::OptimizerArrays& t, const Rule& rule,
               State*... more) {
  const std::int64_t count = t.g.elements();
  if (count == 0) return;
  const float* g = t.g.as<float>();
  float* weights = t.w.as<float>();
  bf16* cast = t.cast.as<bf16>();
  const MapLaunch how = map_launch(stream, count, g, weights, more...);
  const bool aligned = how.aligned && reinterpret_cast<std::uintptr_t>(cast) % sizeof(uint2) == 0;
  launch_dependent(stream, name, step_kernel<Rule, State...>, how.shape, count, aligned, rule, cast,
                   g, weights, more...);
}

void sgd_step(Stream& stream, const nn::SgdOptions& options, ConstView rate,
              const nn::OptimizerArrays& t) {
  const Sgd rule{rate.as<float>(), options.momentum, options.weight_decay,
                 options.nesterov ? 1.0f : 0.0f, options.nesterov ? options.momentum : 1.0f};
  take_step(stream, "sgd_step", t, rule, t.m.as<float>());
}

void adam_step(Stream& stream, const nn::AdamOptions& options, ConstView schedule,
               const nn::OptimizerArrays& t) {
  const Adam rule{schedule.as<float>(),
                  static_cast<float>(options.beta1),
                  static_cast<float>(1 - options.beta1),
                  static_cast<float>(options.beta2),
                  static_cast<float>(1 - options.beta2),
                  options.epsilon,
                  options.weight_decay,
                  options.decoupled};
  take_step(stream, "adam_step", t, rule, t.m.as<float>(), t.v.as<float>());
}

void cast_weights(Stream& stream, ConstView w, View cast) {
  convert(stream, w.as<float>(), cast.as<bf16>(), w.elements());
}

const Twin sgd(nn::twins::sgd_step, DeviceKind::cuda, sgd_step);
const Twin adam(nn::twins::adam_step, DeviceKind::cuda, adam_step);
const Twin cast(nn::twins::cast_weights, DeviceKind::cuda, cast_weights);

}  // namespace
}  // namespace paretiny::cuda
