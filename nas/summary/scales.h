// What one unit of each objective is, for hypervolumes and for samplers. What is maximised counts
// negated here (study::minimised).
#pragma once

#include <string>
#include <vector>

#include "nas/study/study.h"

namespace paretiny::summary {

/// Where each objective's scale begins: a search's at 0, or lower where measured trials or the
/// reference are, a black box's at the least that was measured. A trial is measured if all its
/// objectives are known, feasible or not.
std::vector<double> objective_origins(const std::vector<study::Objective>& objectives,
                                      const std::vector<study::Trial>& trials);

/// What one unit of each objective is in hypervolume, whose reference point is (1, ..., 1): from
/// the origin to the objective's reference, else to its limit; without either 1 for a share, else
/// 1.1 times as far as the worst value of a measured trial.
std::vector<double> objective_scales(const std::vector<study::Objective>& objectives,
                                     const std::vector<study::Trial>& trials);

/// The reference point in the objectives' own numbers: as far from the origin as a scale.
std::vector<double> objective_reference(const std::vector<study::Objective>& objectives,
                                        const std::vector<study::Trial>& trials);

/// Whether a trial inside all limits is below every reference that is given.
bool reference_reached(const std::vector<study::Objective>& objectives,
                       const std::vector<study::Trial>& trials);

/// A sentence where trials are inside all limits and none is below the references; else empty.
std::string reference_note(const std::vector<study::Objective>& objectives,
                           const std::vector<study::Trial>& trials);

/// Done, with every objective inside its limit.
bool is_feasible(const std::vector<study::Objective>& objectives, const study::Trial& trial);

}  // namespace paretiny::summary
