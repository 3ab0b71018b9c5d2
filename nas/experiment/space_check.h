// Whether what is searched is what candidates have. Private to this folder.
#pragma once

#include "nas/experiment/experiment.h"

namespace paretiny::experiment {

/// The networks that [space.model.name] lets a search choose from; none where it keeps to one.
/// Throws UsageError for a choice that is no network.
std::vector<std::string> searched_networks(const toml::table& root);

/// Throws UsageError unless every key of the space is one that a candidate has, of whatever of the
/// searched networks it may have a value with, and both ends of it are valid.
void check_space(const Experiment& experiment, const std::vector<std::string>& networks);

}  // namespace paretiny::experiment
