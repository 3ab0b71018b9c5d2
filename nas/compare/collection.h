// Samplers compared over many problems: what ranks they take, on which they are told apart, and
// what share of all runs comes how near the best.
#pragma once

#include <string>
#include <vector>

#include "nas/compare/results.h"

namespace paretiny::compare {

/// One sampler over all problems.
struct CollectionStanding {
  std::string label;
  std::vector<double> rank;  ///< [checkpoints]: mean over problems and seeds, 1 for the best
  std::size_t first = 0;     ///< problems where its mean hypervolume is the largest
  std::size_t behind = 0;    ///< problems where a sampler is significantly better (p < 0.05)
  std::size_t ahead = 0;     ///< problems where it is significantly better than the best-ranked one
  std::size_t lost = 0;      ///< problems where it is significantly worse than the best-ranked one
  /// Wilcoxon's signed-rank test of its ranks against those of the best-ranked one, over problems;
  /// NaN for the best-ranked one.
  double p = 0;
};

struct CollectionSummary {
  std::vector<std::string> problems;
  std::vector<std::size_t> checkpoints;       ///< numbers of trials, rising
  std::size_t seeds = 0;                      ///< that every sampler has on every problem, at least
  std::vector<CollectionStanding> standings;  ///< the best rank at the last checkpoint first
  double friedman = 0;  ///< Friedman's test of the ranks at the last checkpoint: p-value
};

/// Compares the samplers that have runs on every problem, after a quarter, a half and all of
/// `trials`. Ranks are taken within a problem and a seed, ties share theirs. Throws UsageError
/// where no sampler has them.
CollectionSummary summarise_collection(const std::vector<const Results*>& results,
                                       std::size_t trials);

/// The summary as lines of Markdown: a table, and what it means.
std::string collection_table(const CollectionSummary& summary);

/// A row a problem and sampler: mean and standard deviation of the hypervolume at each checkpoint,
/// mean rank, and p against the best of the problem.
std::string collection_csv(const CollectionSummary& summary,
                           const std::vector<const Results*>& results);

/// The share of all runs (a problem and a seed) that miss at most a share tau of the problem's
/// largest hypervolume, over tau: a line a sampler (after Dolan and More, 2002). The largest is the
/// known maximum, or the best of all runs.
std::string profile_picture(const CollectionSummary& summary,
                            const std::vector<const Results*>& results);

}  // namespace paretiny::compare
