#include "nas/samplers/methods/path_samplers.h"

#include "kernels/core/random.h"
#include "kernels/core/stop.h"
#include "nas/samplers/acquisition/simplex_weights.h"
#include "nas/samplers/options.h"

namespace paretiny::samplers {

PathSampler::PathSampler(Gain gain, SamplerProblem problem,
                         const std::map<std::string, double>& options)
    : ModelSampler(std::move(problem)), gain_(gain) {
  OptionReader reader(gain == Gain::scalarised ? "qparego" : "qlognehvi", options);
  reader.count("samples", options_.samples);
  reader.count("raw", options_.search.raw);
  reader.count("restarts", options_.search.restarts);
  reader.count("iterations", options_.search.iterations);
  reader.finish();
}

std::vector<std::vector<double>> PathSampler::suggest(const std::vector<Observation>& /*history*/,
                                                      const Knowledge& knowledge,
                                                      std::uint64_t trial) {
  const surrogate::Surrogates surrogates(stream(), knowledge.sets, {}, problem().stop);
  explain(surrogates, knowledge);
  const surrogate::PosteriorPaths paths(surrogates, static_cast<std::int64_t>(options_.samples),
                                        key("posterior paths", trial));
  std::unique_ptr<PathGain> gain;
  if (!knowledge.front.empty() && gain_ == Gain::scalarised) {
    Random random(problem().seed, "qparego weights", trial);
    gain = scalarised_gain(knowledge, surrogates, paths,
                           simplex_weights(problem().objectives, random));
  } else if (!knowledge.front.empty()) {
    gain = hypervolume_gain(knowledge, surrogates, paths, transforms(), problem().reference,
                            problem().stop);
  }
  const PathAcquisition acquisition(knowledge, paths, surrogates, std::move(gain));
  const SmoothAcquisition judged = [&](const surrogate::RowMatrix& points,
                                       surrogate::RowMatrix* gradients) {
    heed(problem().stop);
    return acquisition(points, gradients);
  };
  return smooth_search(judged, problem().space, options_.search, problem().seed, trial);
}

}  // namespace paretiny::samplers
