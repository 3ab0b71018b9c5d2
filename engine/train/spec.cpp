#include "engine/train/spec.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace paretiny {

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

double pruning_progress(const PruningSpec& spec, std::int64_t epoch, std::int64_t epochs) {
  if (spec.schedule == PruningSchedule::none) return 0;
  const auto begin =
      static_cast<std::int64_t>(std::floor(spec.begin * static_cast<double>(epochs)));
  if (epoch < begin) return 0;
  if (spec.schedule == PruningSchedule::one_shot) return 1;
  const auto end = std::max(
      begin, static_cast<std::int64_t>(std::floor(spec.end * static_cast<double>(epochs))));
  if (epoch >= end) return 1;
  // The first step, at `begin`, already removes something; the last one, at `end`, all.
  const std::int64_t steps = (end - begin) / spec.every + 1;
  const std::int64_t done = (epoch - begin) / spec.every + 1;
  const double left = 1 - static_cast<double>(done) / static_cast<double>(steps);
  return 1 - left * left * left;
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

const char* name_of(PruningCriterion criterion) {
  switch (criterion) {
    case PruningCriterion::l1:
      return "l1";
    case PruningCriterion::l2:
      return "l2";
    case PruningCriterion::batch_norm:
      return "batch_norm";
    case PruningCriterion::taylor:
      return "taylor";
    case PruningCriterion::apoz:
      return "apoz";
    case PruningCriterion::random:
      return "random";
  }
  return "?";
}

const char* name_of(PruningSchedule schedule) {
  switch (schedule) {
    case PruningSchedule::none:
      return "none";
    case PruningSchedule::agp:
      return "agp";
    case PruningSchedule::one_shot:
      return "one_shot";
  }
  return "?";
}

}  // namespace paretiny
