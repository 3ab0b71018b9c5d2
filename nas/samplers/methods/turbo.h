// TuRBO-1 for several objectives.
#pragma once

#include "nas/samplers/methods/model_sampler.h"
#include "nas/samplers/proposal/trust_region.h"

namespace paretiny::samplers {

/// Eriksson et al., "Scalable global optimization via local Bayesian optimization", 2019; limits as
/// in SCBO (Eriksson and Poloczek, 2021). A trust region optimises one linear scalarisation of the
/// objectives, scaled to [0, 1] over what is known, with weights uniform on the simplex that are
/// drawn when the region starts; a region that has shrunk away gives way to a new one with a design
/// and data of its own. All of it is read from the history.
class TurboSampler : public ModelSampler {
 public:
  /// Throws UsageError for an unknown option or a value outside its range.
  TurboSampler(SamplerProblem problem, const std::map<std::string, double>& options);

 private:
  std::vector<std::vector<double>> suggest(const std::vector<Observation>& history,
                                           const Knowledge& knowledge,
                                           std::uint64_t trial) override;

  TrustRegionRules rules_;
  std::size_t candidates_ = 0;  ///< 0: min(100 d, 5000)
};

}  // namespace paretiny::samplers
