// The pictures of a comparison, as SVG.
#pragma once

#include <string>

#include "nas/compare/results.h"

namespace paretiny {

/// Mean over the seeds after each trial, within its standard error, a line a sampler.
std::string progress_picture(const Problem& problem, const Results& results);

/// Where each sampler's first seed went on a problem of two inputs: a panel a sampler, early trials
/// faint, over the first objective (the lower, the darker). Throws UsageError for other problems.
std::string places_picture(const Problem& problem, const Results& results);

}  // namespace paretiny
