// Trials as comma-separated values (RFC 4180): a header, then a row a trial. Objectives come under
// their names, parameters as param.NAME, metrics as metric.NAME; a number has its shortest form, an
// unknown one an empty cell.
#pragma once

#include <string>
#include <vector>

#include "nas/study/study.h"

namespace paretiny::report {

/// number, state, objectives, parameters, metrics, reason, architecture, seed, attempts, started,
/// finished.
std::string trials_csv(const std::vector<study::Objective>& objectives,
                       const std::vector<study::Trial>& trials);

/// number, objectives, parameters, metrics of the trials at `front`, in that order.
std::string front_csv(const std::vector<study::Objective>& objectives,
                      const std::vector<study::Trial>& trials,
                      const std::vector<std::size_t>& front);

}  // namespace paretiny::report
