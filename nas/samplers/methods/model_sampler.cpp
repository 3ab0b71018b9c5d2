#include "nas/samplers/methods/model_sampler.h"

#include <algorithm>
#include <cmath>

namespace paretiny::samplers {

namespace {

/// A number beyond this, half of the m-th root of 1e300, is taken for it: volumes in m objectives,
/// and differences, stay numbers.
void bound(std::vector<double>& values, std::size_t objectives) {
  const double most =
      0.5 * std::pow(1e300, 1.0 / static_cast<double>(std::max<std::size_t>(objectives, 1)));
  for (double& value : values) {
    if (std::isfinite(value)) value = std::clamp(value, -most, most);
  }
}

std::vector<Observation> bounded(std::vector<Observation> history, std::size_t objectives) {
  for (Observation& observation : history) {
    bound(observation.objectives, objectives);
    bound(observation.constraints, objectives);
    bound(observation.deviations, objectives);
  }
  return history;
}

}  // namespace

ModelSampler::ModelSampler(SamplerProblem problem) : problem_(std::move(problem)) {
  bound(problem_.reference, problem_.objectives);
}

std::vector<double> ModelSampler::ask(const std::vector<Observation>& told, std::uint64_t trial) {
  const Unseen unseen(problem_, told);
  if (trial < problem_.initial) return latin_hypercube_point(problem_, unseen, trial);
  const std::vector<Observation> history = bounded(told, problem_.objectives);
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

}  // namespace paretiny::samplers
