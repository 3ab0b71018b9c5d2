// Reads the tables that make one candidate. Private to this folder.
#pragma once

#include "nas/experiment/experiment.h"

namespace paretiny::experiment {

/// The tables of an experiment that a candidate is read from: [model], [training], ...
const std::vector<std::string>& candidate_tables();

/// Reads them from `root`, which may hold others; throws UsageError for a key that is not known.
/// Options that only `networks` have, which a search may choose too, are passed over.
CandidateSpec read_candidate_tables(const toml::table& root,
                                    const std::vector<std::string>& networks = {});

/// Takes from [model] the options of other networks than the one it names.
void erase_others_options(toml::table& root);

/// The same; throws UsageError for a key, or another table, that is not known.
CandidateSpec read_candidate(const toml::table& root);

}  // namespace paretiny::experiment
