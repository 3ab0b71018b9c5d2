// The limits of an experiment, in the words and units that its author chose.
#pragma once

#include <string>
#include <vector>

#include "engine/deploy/plan/footprint.h"
#include "nas/experiment/experiment.h"
#include "nas/study/study.h"

namespace paretiny::search {

/// The objectives that are known before training, in the order of `search_objectives`; the error is
/// NaN.
std::vector<double> free_objectives(const experiment::Experiment& experiment,
                                    const deploy::Footprint& size);

/// A sentence a limit that the values break, in the limit's own unit: "rom 17.62 KB is above the
/// limit of 16 KB"; a limit without a unit, as a black box's, is compared as it stands.
/// values: [objectives], NaN where unknown.
std::vector<std::string> broken_limits(const std::vector<study::Objective>& objectives,
                                       const std::vector<double>& values);

/// The first of them, or nothing.
std::string broken_limit(const std::vector<study::Objective>& objectives,
                         const std::vector<double>& values);

}  // namespace paretiny::search
