#include "nas/samplers/methods/model_sampler.h"

#include <fmt/core.h>

#include "nas/surrogate/leave_one_out.h"

namespace paretiny::samplers {

ModelSampler::ModelSampler(SamplerProblem problem)
    : problem_(std::move(problem)), transformed_(problem_), transforms_(problem_.objectives) {}

std::vector<double> ModelSampler::ask(const std::vector<Observation>& told, std::uint64_t trial) {
  const Unseen unseen(problem_, told);
  origin_ = {"design"};
  if (trial < problem_.initial) return latin_hypercube_point(problem_, unseen, trial);
  auto [problem, history, transforms, inferred] = transformed(problem_, told, true);
  transformed_ = std::move(problem);
  transforms_ = std::move(transforms);
  inferred_ = inferred;
  const Knowledge knowledge(transformed_, history);
  if (knowledge.sets.empty()) return latin_hypercube_point(problem_, unseen, trial);
  origin_.by = "model";
  for (const std::vector<double>& point : suggest(history, knowledge, trial)) {
    // Another device may round a position otherwise in its last bit.
    std::vector<double> x = problem_.space.snap(point);
    if (unseen.accepts(x)) return x;
  }
  origin_.by = "random";
  return unseen.draw("stand-in", trial);
}

void ModelSampler::explain(const surrogate::Surrogates& surrogates, const Knowledge& knowledge) {
  if (!problem_.explain) return;
  for (std::size_t s = 0; s < knowledge.quantities.size(); ++s) {
    const std::size_t number = knowledge.quantities[s].number;
    const std::string name = number < problem_.objectives ? fmt::format("objective {}", number + 1)
                             : number < problem_.objectives + problem_.constraints
                                 ? fmt::format("bound {}", number - problem_.objectives + 1)
                                 : std::string("failure");
    const Eigen::VectorXd lengths = surrogate::lengthscales(surrogates, s);
    std::string text;
    for (std::size_t p = 0; p < problem_.space.parameters().size(); ++p) {
      const bayes::CubeParameter& cube = problem_.space.cube()[p];
      text +=
          fmt::format("{}{} {:.2g}", text.empty() ? "" : ", ", problem_.space.parameters()[p].name,
                      lengths.segment(cube.first, cube.width).minCoeff());
    }
    origin_.detail.push_back(fmt::format("{}: {} trials, leave-one-out R2 {:.2f}, lengthscales {}",
                                         name, knowledge.sets[s].y.size(),
                                         surrogate::leave_one_out(surrogates, s).r2, text));
  }
}

Stream& ModelSampler::stream() {
  if (!stream_) stream_ = Stream::create(problem_.device);
  return *stream_;
}

std::uint64_t ModelSampler::key(std::string_view purpose, std::uint64_t trial) const {
  return Random(problem_.seed, purpose, trial).key();
}

}  // namespace paretiny::samplers
