// In which order a search with several candidates at a time asks, so that its trials follow from
// the seed alone, whatever each takes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "nas/study/study.h"

namespace paretiny::search {

/// A trial that broke a limit before it was trained: known as soon as it was asked for.
bool was_settled(const study::Trial& trial);

/// What the next trial is asked with: all of `trials`, but the last `lag` - 1 of those that were
/// not settled count as pending, whether they have ended or not. Nothing while another, not among
/// those, is still being worked on here: `is_ours` tells whose it is. Trials of other processes are
/// not waited for.
std::optional<std::vector<study::Trial>> known_to_next(
    const std::vector<study::Trial>& trials, std::int64_t lag,
    const std::function<bool(const study::Trial&)>& is_ours);

}  // namespace paretiny::search
