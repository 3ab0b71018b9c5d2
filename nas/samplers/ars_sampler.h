// ARS-MOBOpt, the paper's sampler, and what goes beyond it (docs/samplers.md).
#pragma once

#include "nas/samplers/model_sampler.h"
#include "nas/samplers/random_search.h"

namespace paretiny {

struct ArsOptions {
  std::size_t policies = 5;  ///< L: clusters of the Pareto set, each the start of one policy
  std::size_t samples = 64;  ///< base samples of the scalarised expected improvement
  RandomSearchOptions search;
  // Beyond the paper:
  bool hypervolume = false;  ///< the improvement is that of the hypervolume
  bool known = false;        ///< objectives that follow from the values are taken for certain
  bool cheap_first = false;  ///< candidates known to break a limit are not suggested
  bool pending = false;      ///< what is in flight counts with its expected objectives
  bool refine = false;       ///< the best points are improved by ever smaller random steps
};

class ArsSampler : public ModelSampler {
 public:
  /// `name` is "ars", the paper's method, or "ars+", with every switch on. Throws UsageError for an
  /// unknown option or a value outside its range.
  ArsSampler(const std::string& name, SamplerProblem problem,
             const std::map<std::string, double>& options);

 private:
  std::vector<std::vector<double>> suggest(const std::vector<Observation>& history,
                                           const Knowledge& knowledge,
                                           std::uint64_t trial) override;
  /// The knowledge with known objectives at more points than were tried.
  Knowledge informed(const Knowledge& knowledge) const;
  /// The best of `visits`, most wanted first: by reward, with known objectives certain.
  std::vector<std::vector<double>> choose(const Reward& reward, const Visits& visits,
                                          const std::vector<Observation>& history) const;
  /// Scrambled Sobol points with their rewards: what walks from the Pareto set might miss.
  Visits scattered(const Reward& reward, std::uint64_t trial) const;
  /// Adds to `visits` points about the best of them.
  void refine(const Reward& reward, Visits& visits, std::uint64_t trial) const;

  ArsOptions options_;
};

}  // namespace paretiny
