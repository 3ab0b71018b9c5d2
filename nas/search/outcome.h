// Between the study's states and what a sampler knows of them. Private to this folder.
#pragma once

#include "nas/samplers/sampler.h"
#include "nas/study/study.h"

namespace paretiny {

Outcome outcome_of(TrialState state);

/// Throws StoreError, naming the trial, when the study at `path` holds values that are not of
/// `space`: it is damaged.
void check_values(Study& study, const std::filesystem::path& path, const Space& space);

}  // namespace paretiny
