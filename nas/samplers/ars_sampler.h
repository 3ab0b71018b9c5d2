// ARS-MOBOpt, the paper's sampler (docs/samplers.md).
#pragma once

#include "nas/samplers/random_search.h"

namespace paretiny {

class ArsSampler : public Sampler {
 public:
  /// Throws UsageError for an unknown option or a value outside its range.
  ArsSampler(SamplerProblem problem, const std::map<std::string, double>& options);

  /// The first `initial` trials are a Latin hypercube, as is every trial while nothing is known.
  std::vector<double> ask(const std::vector<Observation>& history, std::uint64_t trial) override;

 private:
  SamplerProblem problem_;
  ArsOptions options_;
};

}  // namespace paretiny
