// The runs of several samplers on one problem: kept as CSV, compared at one number of trials.
#pragma once

#include <filesystem>
#include <map>
#include <utility>

#include "nas/compare/run.h"

namespace paretiny::compare {

/// What a sampler reached, over its seeds.
struct Standing {
  std::string label;
  std::size_t seeds = 0;
  double mean = 0;       ///< of the hypervolume after the trials compared
  double deviation = 0;  ///< standard deviation of it; NaN for one seed
  double seconds = 0;    ///< mean of a suggestion, the initial design's included
  double p = 0;          ///< rank-sum test against the first; NaN for the first
};

/// What a sampler's runs were like after each trial that all of them have: over its seeds.
struct Progression {
  std::string label;
  std::vector<double> mean;
  std::vector<double> error;  ///< standard error
  std::vector<double> least;
  std::vector<double> most;
};

class Results {
 public:
  explicit Results(const problems::Problem& problem) : problem_(problem) {}

  /// Adds the runs of a file that csv() wrote. Throws DataError, naming the line, for any other and
  /// for one of another problem.
  void read(const std::filesystem::path& path);

  /// Adds a run, in place of one of the same label and seed.
  void set(SamplerRun run);

  /// problem, sampler, seed, trial, hypervolume, log10_difference, seconds, x1, x2, ...; a row a
  /// trial.
  std::string csv() const;

  /// log10 of what is missing to the problem's known maximum, which is taken for reached within
  /// 1e-9 of it; NaN where none is known.
  double log_difference(double hypervolume) const;

  /// The number of trials that all runs have: what they are compared after.
  std::size_t trials() const;
  /// The best mean first.
  std::vector<Standing> standings() const;
  /// By label: of log_difference where a maximum is known, else of the hypervolume.
  std::vector<Progression> progressions() const;
  /// Whether a run of `label` and `seed` has `trials` or more.
  bool has(const std::string& label, std::uint64_t seed, std::size_t trials) const;
  const problems::Problem& problem() const { return problem_; }
  /// By label, by seed.
  const std::map<std::string, std::map<std::uint64_t, SamplerRun>>& runs() const { return runs_; }
  /// The run of each label with the least seed, by label.
  std::vector<const SamplerRun*> first_runs() const;

 private:
  const problems::Problem& problem_;
  std::map<std::string, std::map<std::uint64_t, SamplerRun>> runs_;  ///< by label, by seed
};

}  // namespace paretiny::compare
