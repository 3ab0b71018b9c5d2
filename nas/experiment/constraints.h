// What a black box must keep besides the limits on its objectives.
#pragma once

#include <toml++/toml.h>

#include <map>
#include <string>
#include <vector>

#include "nas/study/study.h"

namespace paretiny::experiment {

/// Reads [constraints.NAME], each with at_least, at_most or both. Throws UsageError for other keys,
/// for bounds that nothing keeps and for the name of an objective.
std::vector<study::Constraint> read_bounds(const toml::table& root,
                                           const std::vector<study::Objective>& objectives);

/// How many numbers `misses` gives: one a bound.
std::size_t bounds_of(const std::vector<study::Constraint>& constraints);

/// By how much `metrics` miss each bound, as a share of the bound (as they are where it is 0): kept
/// where <= 0. Empty where a metric is not there.
std::vector<double> misses(const std::vector<study::Constraint>& constraints,
                           const std::map<std::string, double>& metrics);

/// One sentence on the first bound that `metrics` miss, or nothing.
std::string broken_bound(const std::vector<study::Constraint>& constraints,
                         const std::map<std::string, double>& metrics);

}  // namespace paretiny::experiment
