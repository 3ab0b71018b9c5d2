// The pictures of a comparison, as SVG.
#pragma once

#include <string>

#include "nas/compare/results.h"

namespace paretiny::compare {

/// A value to compare a sampler with, that somebody else reached.
struct ReferenceMark {
  std::string label;  ///< of the sampler
  double value = 0;
};

/// Mean over the seeds after each trial, within its standard error, a line a sampler; marks as dots
/// on the right edge, in the colours of their samplers, which `mark_title` explains.
std::string progress_picture(const problems::Problem& problem, const Results& results,
                             const std::vector<ReferenceMark>& marks = {},
                             const std::string& mark_title = "");

/// Where each sampler's first seed went on a problem of two inputs: a panel a sampler, early trials
/// faint, over the first objective (the lower, the darker). Throws UsageError for other problems.
std::string places_picture(const problems::Problem& problem, const Results& results);

}  // namespace paretiny::compare
