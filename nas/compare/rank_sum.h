// Tests by ranks: whether one of two samples tends to be larger, whatever they are distributed as.
#pragma once

#include <vector>

namespace paretiny::compare {

/// Two-sided p-value of Wilcoxon's rank-sum test (Mann and Whitney, 1947) that a and b are
/// distributed alike: exact without ties and up to 25 values each, else by the normal approximation
/// corrected for ties and continuity. NaN when a sample is empty.
double rank_sum_p(const std::vector<double>& a, const std::vector<double>& b);

/// Whether a is the larger in more than half of the pairs: the side on which that test finds it,
/// which an outlier may keep the means from.
bool tends_larger(const std::vector<double>& a, const std::vector<double>& b);

/// Two-sided p-value of Wilcoxon's signed-rank test that differences lie about 0 alike, by the
/// normal approximation corrected for ties and continuity; differences of 0 are left out. 1 where
/// nothing is left.
double signed_rank_p(std::vector<double> differences);

/// p-value of Friedman's test that the columns of `ranks` [blocks][columns] are alike, by the
/// chi-squared approximation; NaN for less than two blocks or columns.
double friedman_p(const std::vector<std::vector<double>>& ranks);

}  // namespace paretiny::compare
