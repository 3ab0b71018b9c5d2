// Reads the tables that make one candidate. Private to this folder.
#pragma once

#include "nas/search/experiment.h"

namespace paretiny {

/// [model], [training] and [pruning] of `root`; throws UsageError for unknown keys.
CandidateSpec read_candidate(const toml::table& root);

}  // namespace paretiny
