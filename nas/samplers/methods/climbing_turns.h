// When `ars+` climbs and when it walks as the paper does.
#pragma once

#include <vector>

#include "nas/samplers/sampler.h"

namespace paretiny::samplers {

/// Trials in a row that gain nothing before the other way is tried.
inline constexpr int kPatience = 4;

/// Whether the next suggestion is climbed to: yes, until `kPatience` trials in a row have gained
/// nothing; then walks have a turn of as many trials, which a gain does not end and as many trials
/// without one do. A turn is twice as long as the one before unless a climb has gained something
/// between them: where climbing leads nowhere, little is spent on finding that out again.
///
/// A trial gains something where it is below the reference and none before dominates it; while
/// there is no such trial, where it violates least. Those of the initial design have no turn, those
/// in flight are not counted: it follows from the history alone.
bool climbs_next(const SamplerProblem& problem, const std::vector<Observation>& history);

}  // namespace paretiny::samplers
