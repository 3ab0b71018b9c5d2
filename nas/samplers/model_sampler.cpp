#include "nas/samplers/model_sampler.h"

#include <cmath>


namespace paretiny {

std::vector<double> ModelSampler::ask(const std::vector<Observation>& history,
                                      std::uint64_t trial) {
  const Unseen unseen(problem_, history);
  if (trial < problem_.initial) return latin_hypercube_point(problem_, unseen, trial);
  const Knowledge knowledge(problem_, history);
  if (knowledge.sets.empty()) return latin_hypercube_point(problem_, unseen, trial);
  for (const std::vector<double>& point : suggest(history, knowledge, trial)) {
    // Another device may round a position otherwise in its last bit.
    std::vector<double> x = problem_.space.snap(point);
    if (unseen.accepts(x)) return x;
  }
  return unseen.draw("stand-in", trial);
}

Stream& ModelSampler::stream() {
  if (!stream_) stream_ = Stream::create(problem_.device);
  return *stream_;
}

std::uint64_t ModelSampler::key(std::string_view purpose, std::uint64_t trial) const {
  return Random(problem_.seed, purpose, trial).key();
}

std::vector<double> simplex_weights(std::size_t m, Random& random) {
  std::vector<double> weights(m);
  double sum = 0;
  for (double& weight : weights) {
    weight = -std::log(1 - random.uniform());
    sum += weight;
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

}  // namespace paretiny
