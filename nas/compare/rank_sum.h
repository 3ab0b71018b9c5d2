// Whether one of two samples tends to be larger, whatever they are distributed as.
#pragma once

#include <vector>

namespace paretiny::compare {

/// Two-sided p-value of Wilcoxon's rank-sum test (Mann and Whitney, 1947) that a and b are
/// distributed alike: exact without ties and up to 25 values each, else by the normal approximation
/// corrected for ties and continuity. NaN when a sample is empty.
double rank_sum_p(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace paretiny::compare
