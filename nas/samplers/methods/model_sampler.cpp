#include "nas/samplers/methods/model_sampler.h"

namespace paretiny::samplers {

ModelSampler::ModelSampler(SamplerProblem problem)
    : problem_(std::move(problem)), transformed_(problem_), transforms_(problem_.objectives) {}

std::vector<double> ModelSampler::ask(const std::vector<Observation>& told, std::uint64_t trial) {
  const Unseen unseen(problem_, told);
  if (trial < problem_.initial) return latin_hypercube_point(problem_, unseen, trial);
  auto [problem, history, transforms] = transformed(problem_, told, true);
  transformed_ = std::move(problem);
  transforms_ = std::move(transforms);
  const Knowledge knowledge(transformed_, history);
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

}  // namespace paretiny::samplers
