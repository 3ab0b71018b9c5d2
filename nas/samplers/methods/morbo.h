// MORBO with one trust region.
#pragma once

#include "nas/samplers/methods/model_sampler.h"
#include "nas/samplers/proposal/trust_region.h"

namespace paretiny::samplers {

/// Daulton, Eriksson, Balandat and Bakshy, "Multi-objective Bayesian optimization over
/// high-dimensional search spaces", 2022. The region's centre is the member of the Pareto set with
/// the largest exclusive contribution to the hypervolume; candidates perturb members inside the
/// region; the one whose joint draw adds most hypervolume is suggested. All of the region's state
/// is read from the history.
class MorboSampler : public ModelSampler {
 public:
  /// Throws UsageError for an unknown option or a value outside its range.
  MorboSampler(SamplerProblem problem, const std::map<std::string, double>& options);

 private:
  std::vector<std::vector<double>> suggest(const std::vector<Observation>& history,
                                           const Knowledge& knowledge,
                                           std::uint64_t trial) override;

  TrustRegionRules rules_{0.8, 1.6, 0.01, 10000, 10};
  std::size_t candidates_ = 4096;
  std::size_t budget_ = 150;  ///< trials over which perturbations become fewer
};

}  // namespace paretiny::samplers
