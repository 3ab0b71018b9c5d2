#include <fmt/core.h>

#include "base/error.h"
#include "base/nearest.h"
#include "nas/samplers/methods/ars_sampler.h"
#include "nas/samplers/methods/designs.h"
#include "nas/samplers/methods/morbo.h"
#include "nas/samplers/methods/nsga2.h"
#include "nas/samplers/methods/path_samplers.h"
#include "nas/samplers/methods/turbo.h"
#include "nas/samplers/sampler.h"

namespace paretiny::samplers {
namespace {

void take_no_options(const std::string& name, const std::map<std::string, double>& options) {
  if (options.empty()) return;
  throw UsageError(
      fmt::format("sampler '{}' has no option '{}'; it takes none", name, options.begin()->first));
}

}  // namespace

std::unique_ptr<Sampler> make_sampler(const std::string& name, SamplerProblem problem,
                                      const std::map<std::string, double>& options) {
  if (name == "random") {
    take_no_options(name, options);
    return std::make_unique<RandomSampler>(std::move(problem));
  }
  if (name == "lhs") {
    take_no_options(name, options);
    return std::make_unique<LatinHypercubeSampler>(std::move(problem));
  }
  if (name == "sobol") {
    take_no_options(name, options);
    return std::make_unique<SobolSampler>(std::move(problem));
  }
  if (name == "nsga2") return std::make_unique<Nsga2Sampler>(std::move(problem), options);
  if (name == "qparego" || name == "qlognehvi") {
    const auto gain =
        name == "qparego" ? PathSampler::Gain::scalarised : PathSampler::Gain::hypervolume;
    return std::make_unique<PathSampler>(gain, std::move(problem), options);
  }
  if (name == "turbo") return std::make_unique<TurboSampler>(std::move(problem), options);
  if (name == "morbo") return std::make_unique<MorboSampler>(std::move(problem), options);
  if (name == "ars" || name == "ars+") {
    return std::make_unique<ArsSampler>(name, std::move(problem), options);
  }
  throw UsageError(
      fmt::format("there is no sampler '{}'{}", name, suggestion(name, sampler_names())));
}

std::vector<std::string> sampler_names() {
  return {"random",    "lhs",   "sobol", "nsga2", "qparego",
          "qlognehvi", "turbo", "morbo", "ars",   "ars+"};
}

}  // namespace paretiny::samplers
