// Between the study's states and what a sampler knows of them. Private to this folder.
#pragma once

#include "nas/samplers/sampler.h"
#include "nas/study/study.h"

namespace paretiny {

Outcome outcome_of(TrialState state);

}  // namespace paretiny
