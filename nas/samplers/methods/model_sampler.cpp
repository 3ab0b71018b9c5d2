#include "nas/samplers/methods/model_sampler.h"

#include <fmt/core.h>

#include "nas/surrogate/leave_one_out.h"

namespace paretiny::samplers {
namespace {

/// Trials that a warp is fitted to at most; its time grows with the cube of them.
constexpr std::size_t kBentBy = 64;

/// A warp that fits what is known may hide what is not: of four suggestions two do without. In
/// pairs, since other turns take every other trial.
bool bent_turn(std::size_t trials) {
  return trials / 2 % 2 == 0;
}

/// The coordinates of reals that always have a value.
std::vector<bool> bendable(const space::Space& space) {
  std::vector<bool> free(space.dimensions(), false);
  for (std::size_t p = 0; p < space.parameters().size(); ++p) {
    const space::Parameter& parameter = space.parameters()[p];
    const bool varies = parameter.low < parameter.high && parameter.when.empty();
    free[static_cast<std::size_t>(space.cube()[p].first)] =
        parameter.kind == space::ParameterKind::real && varies;
  }
  return free;
}

}  // namespace

ModelSampler::ModelSampler(SamplerProblem problem)
    : problem_(std::move(problem)), transformed_(problem_), transforms_(problem_.objectives) {}

std::vector<double> ModelSampler::ask(const std::vector<Observation>& told, std::uint64_t trial) {
  const Unseen& unseen = unseen_.emplace(problem_, told);
  origin_ = {"design"};
  if (trial < problem_.initial) return latin_hypercube_point(problem_, unseen, trial);
  auto [problem, history, transforms, inferred] = transformed(problem_, told, true);
  transformed_ = std::move(problem);
  transforms_ = std::move(transforms);
  inferred_ = inferred;
  warp_ = {};
  Knowledge knowledge(transformed_, history);
  if (knowledge.sets.empty()) return latin_hypercube_point(problem_, unseen, trial);
  if (bends() && bent_turn(history.size())) {
    const surrogate::Surrogates straight(stream(), Knowledge(transformed_, history, kBentBy).sets,
                                         {}, problem_.stop);
    warp_ = surrogate::fitted_warp(straight, bendable(problem_.space), problem_.stop);
    if (!warp_.identity()) {
      for (Observation& o : history) warp_.bend(o.x);
      knowledge = Knowledge(transformed_, history);
    }
  }
  origin_.by = "model";
  for (const std::vector<double>& point : suggest(history, knowledge, trial)) {
    std::vector<double> x = own_position(point);
    if (unseen.accepts(x)) return x;
  }
  origin_.by = "random";
  return unseen.draw("stand-in", trial);
}

std::vector<double> ModelSampler::own_position(std::vector<double> x) const {
  warp_.unbend(x);
  // Another device may round a position otherwise in its last bit.
  return problem_.space.snap(x);
}

space::Values ModelSampler::values_at(const std::vector<double>& x) const {
  return problem_.space.decode(own_position(x));
}

bool ModelSampler::fresh(const std::vector<double>& x) const {
  return unseen_->accepts(own_position(x));
}

void ModelSampler::explain(const surrogate::Surrogates& surrogates, const Knowledge& knowledge) {
  if (!problem_.explain) return;
  std::string bent;
  for (std::size_t p = 0; p < problem_.space.parameters().size(); ++p) {
    if (!warp_.bends(problem_.space.cube()[p].first)) continue;
    bent += (bent.empty() ? "" : ", ") + problem_.space.parameters()[p].name;
  }
  if (!bent.empty()) origin_.detail.push_back("scales bent to what was measured: " + bent);
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
