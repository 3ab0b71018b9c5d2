// The figures a study is judged by.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "nas/study/study.h"

namespace paretiny {

/// Where each objective's scale begins: 0, or lower where measured trials or the reference are. A
/// trial is measured if all its objectives are known, feasible or not.
std::vector<double> objective_origins(const std::vector<Objective>& objectives,
                                      const std::vector<Trial>& trials);

/// What one unit of each objective is in hypervolume, whose reference point is (1, ..., 1): from
/// the origin to the objective's reference, else to its limit; without either 1 for "error",
/// else 1.1 times as far as the worst value of a measured trial.
std::vector<double> objective_scales(const std::vector<Objective>& objectives,
                                     const std::vector<Trial>& trials);

/// Done, with every objective inside its limit.
bool is_feasible(const std::vector<Objective>& objectives, const Trial& trial);

struct StudySummary {
  std::vector<double> origins;       ///< [objectives], see objective_origins
  std::vector<double> scales;        ///< [objectives], see objective_scales
  std::vector<std::size_t> front;    ///< feasible trials no other dominates, by first objective
  std::vector<double> hypervolume;   ///< [trials]: of all trials up to that one
  std::optional<std::size_t> best;   ///< of the front, the one of least error
  std::array<std::size_t, 6> count;  ///< of trials, by TrialState
  double computing = 0;              ///< seconds, summed over ended trials
  double elapsed = 0;                ///< seconds from the first start to the last end
};

StudySummary summarise(const std::vector<Objective>& objectives, const std::vector<Trial>& trials);

}  // namespace paretiny
