// qParEGO and qLogNEHVI as BoTorch has them: smooth acquisitions of noisy joint draws, maximised by
// L-BFGS from many starts.
#pragma once

#include "nas/samplers/acquisition/path_acquisition.h"
#include "nas/samplers/methods/model_sampler.h"
#include "nas/samplers/proposal/smooth_search.h"

namespace paretiny::samplers {

struct PathSamplerOptions {
  std::size_t samples = 128;  ///< joint draws
  SmoothSearchOptions search;
};

class PathSampler : public ModelSampler {
 public:
  enum class Gain {
    scalarised,   ///< qparego (Daulton, Balandat and Bakshy, 2020, after Knowles, 2006)
    hypervolume,  ///< qlognehvi (Daulton, Balandat and Bakshy, 2021; Ament et al., 2023)
  };

  /// Throws UsageError for an unknown option or a value outside its range.
  PathSampler(Gain gain, SamplerProblem problem, const std::map<std::string, double>& options);

 private:
  std::vector<std::vector<double>> suggest(const std::vector<Observation>& history,
                                           const Knowledge& knowledge,
                                           std::uint64_t trial) override;

  Gain gain_;
  PathSamplerOptions options_;
};

}  // namespace paretiny::samplers
