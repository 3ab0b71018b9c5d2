#include "engine/train/spec.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

namespace paretiny::train {

double learning_rate(const TrainingSpec& spec, std::int64_t step, std::int64_t steps_per_epoch) {
  const double warmup = spec.warmup * static_cast<double>(steps_per_epoch);
  const auto at = static_cast<double>(step);
  if (at + 1 < warmup) return spec.learning_rate * (at + 1) / warmup;
  const double last = static_cast<double>(spec.epochs * steps_per_epoch);
  if (spec.schedule == Schedule::cosine) {
    const double progress = std::clamp((at - warmup) / std::max(1.0, last - warmup), 0.0, 1.0);
    return spec.learning_rate * 0.5 * (1 + std::cos(std::numbers::pi * progress));
  }
  double rate = spec.learning_rate;
  for (const double milestone : spec.milestones) {
    if (at >= milestone * last) rate *= spec.step_factor;
  }
  return rate;
}

std::vector<std::int32_t> epoch_rows(const TrainingSpec& spec, std::int64_t epoch,
                                     std::int64_t steps_per_epoch) {
  std::vector<std::int32_t> rows;
  for (std::int64_t i = 0; i < steps_per_epoch; ++i) {
    const std::int64_t step = epoch * steps_per_epoch + i;
    const auto t = static_cast<double>(step + 1);
    rows.push_back(static_cast<std::int32_t>(i * spec.batch));
    rows.push_back(static_cast<std::int32_t>(epoch));
    for (const double value : {learning_rate(spec, step, steps_per_epoch),
                               1 - std::pow(spec.momentum, t), 1 - std::pow(kAdamBeta2, t)}) {
      rows.push_back(std::bit_cast<std::int32_t>(static_cast<float>(value)));
    }
  }
  return rows;
}

DType activation_type(Precision precision, Device device) {
  if (precision == Precision::f32) return DType::f32;
  if (precision == Precision::bf16) return DType::bf16;
  for (const DeviceInfo& info : devices()) {
    if (info.device == device && info.fast_bf16) return DType::bf16;
  }
  return DType::f32;
}

nlohmann::json to_json(const TrainingSpec& t) {
  return {t.epochs,
          t.batch,
          name_of(t.optimizer),
          t.learning_rate,
          t.momentum,
          t.weight_decay,
          t.decay_all,
          name_of(t.schedule),
          t.warmup,
          t.milestones,
          t.step_factor,
          t.label_smoothing,
          t.crop,
          t.flip,
          t.shift,
          t.noise,
          name_of(t.precision)};
}

const char* name_of(Optimizer optimizer) {
  switch (optimizer) {
    case Optimizer::sgd:
      return "sgd";
    case Optimizer::adam:
      return "adam";
    case Optimizer::adamw:
      return "adamw";
  }
  return "?";
}

const char* name_of(Schedule schedule) {
  return schedule == Schedule::cosine ? "cosine" : "step";
}

const char* name_of(Precision precision) {
  switch (precision) {
    case Precision::automatic:
      return "auto";
    case Precision::f32:
      return "f32";
    case Precision::bf16:
      return "bf16";
  }
  return "?";
}

}  // namespace paretiny::train
