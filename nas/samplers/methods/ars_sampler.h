// ARS-MOBOpt, the paper's sampler, and what goes beyond it (docs/samplers.md).
#pragma once

#include "nas/samplers/acquisition/path_acquisition.h"
#include "nas/samplers/methods/model_sampler.h"
#include "nas/samplers/proposal/random_search.h"

namespace paretiny::samplers {

struct ArsOptions {
  std::size_t policies = 5;  ///< L: clusters of the Pareto set, each the start of one policy
  std::size_t samples = 64;  ///< base samples of the scalarised improvement; joint draws
  RandomSearchOptions search;
  // Beyond the paper:
  /// What is in flight counts with its expected objectives. With one job nothing is, and this is
  /// the paper's method.
  bool pending = true;
  bool hypervolume = false;  ///< the improvement is that of the hypervolume
  bool known = false;        ///< objectives that follow from the values are taken for certain
  bool cheap_first = false;  ///< candidates known to break a limit are not suggested
  bool refine = false;  ///< L-BFGS climbs from the best points on joint draws, which then decide
  /// Where walks by the paper's reward lead further than that (climbing_turns.h), they choose.
  bool fall_back = false;
  bool warp = false;
};

class ArsSampler : public ModelSampler {
 public:
  /// `name` is "ars", the paper's method, or "ars+", with every switch on. Throws UsageError for an
  /// unknown option or a value outside its range.
  ArsSampler(const std::string& name, SamplerProblem problem,
             const std::map<std::string, double>& options);

 private:
  bool bends() const override { return options_.warp; }
  std::vector<std::vector<double>> suggest(const std::vector<Observation>& history,
                                           const Knowledge& knowledge,
                                           std::uint64_t trial) override;
  using ModelSampler::explain;
  /// The options of the next suggestion.
  ArsOptions options_after(const std::vector<Observation>& history);
  /// Says how far the policies came, if that was asked for.
  void explain(const Walks& walks, Eigen::Index policies);
  /// The knowledge with known objectives at more points than were tried.
  Knowledge informed(const Knowledge& knowledge) const;
  /// Whether objectives known of a point are above a limit; none are where it cannot be built.
  bool breaks_limits(const std::vector<double>& known) const;
  /// Snapped points, most wanted first, by joint draws of what is best of the walks.
  std::vector<std::vector<double>> choose(const ArsOptions& options, const Walks& walks,
                                          const Reward& reward, const Knowledge& knowledge,
                                          std::uint64_t trial) const;
  /// The first of `candidates` that are acceptable, by acquisition with known objectives certain
  /// and the chance of being below the reference.
  std::vector<std::vector<double>> judged(const surrogate::RowMatrix& candidates,
                                          const PathAcquisition& acquisition,
                                          const Knowledge& knowledge,
                                          const surrogate::Surrogates& surrogates) const;
  /// log of the chance that all objectives are below the reference: [p].
  Eigen::VectorXd log_chance_below(const Knowledge& knowledge,
                                   const surrogate::Surrogates& surrogates,
                                   const surrogate::RowMatrix& points) const;

  ArsOptions options_;
};

}  // namespace paretiny::samplers
