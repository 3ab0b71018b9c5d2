#include "engine/compress/pruning_spec.h"

#include <algorithm>
#include <cmath>

namespace paretiny::compress {

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

}  // namespace paretiny::compress
