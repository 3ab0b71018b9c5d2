// When `ars+` climbs and when it walks as the paper does.
#pragma once

#include <vector>

#include "nas/samplers/sampler.h"

namespace paretiny::samplers {

/// Trials of a turn.
inline constexpr int kTurn = 4;
/// A turn of climbing that gains less than this a trial gives walks, not tried yet, a turn. Where
/// climbing is all that counts, it gains more than that in almost every turn of 80 trials.
inline constexpr double kLittleGain = 2e-5;

/// Whether the next suggestion is climbed to. Trials take turns of `kTurn`, and what a turn gained
/// settles whose the next one is. Climbing begins, until a turn of it gains little; then walks have
/// one. From then on climbing goes on while it gains something and no less than the last turn of
/// the walks did, and walks while they gain more than the last turn of climbing did: two turns at
/// most, and twice as many each time that climbing, tried again, has gained less than they.
///
/// A trial below the reference gains the share of the hypervolume, so far, that it alone adds;
/// while there is none, by how much nearer it comes to the limits and the reference than all
/// before, in units of the problem, which are to be ranges (outcome_transform.h). Trials of the
/// initial design have no turn, those in flight are not counted: it follows from the history alone.
bool climbs_next(const SamplerProblem& problem, const std::vector<Observation>& history);

}  // namespace paretiny::samplers
