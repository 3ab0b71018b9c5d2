// The figures a study is judged by.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "nas/study/study.h"

namespace paretiny::summary {

struct StudySummary {
  std::vector<double> origins;      ///< [objectives], see objective_origins
  std::vector<double> scales;       ///< [objectives], see objective_scales
  std::vector<std::size_t> front;   ///< feasible trials no other dominates, by first objective
  std::vector<double> hypervolume;  ///< [trials]: of all trials up to that one
  std::optional<std::size_t> best;  ///< of the front, the one of least error
  std::array<std::size_t, study::kTrialStates> count;  ///< of trials, by TrialState
  double computing = 0;                                ///< seconds, summed over ended trials
  double elapsed = 0;  ///< seconds from the first start to the last end
};

StudySummary summarise(const std::vector<study::Objective>& objectives,
                       const std::vector<study::Trial>& trials);

}  // namespace paretiny::summary
