#include "nas/samplers/methods/designs.h"

#include <algorithm>
#include <numeric>

#include "kernels/core/random.h"

namespace paretiny::samplers {

std::vector<double> RandomSampler::ask(const std::vector<Observation>& history,
                                       std::uint64_t trial) {
  return Unseen(problem_, history).draw("random point", trial);
}

std::vector<double> latin_hypercube_point(const SamplerProblem& problem, const Unseen& unseen,
                                          std::uint64_t trial) {
  const std::uint64_t rows = std::max<std::uint64_t>(1, problem.initial);
  const std::uint64_t row = trial % rows;
  Random random(problem.seed, "latin hypercube", trial / rows);
  std::vector<std::uint64_t> shares(rows);
  std::vector<double> u;
  for (std::size_t i = 0; i < problem.space.parameters().size(); ++i) {
    std::iota(shares.begin(), shares.end(), std::uint64_t{0});
    random.shuffle(shares);
    for (std::uint64_t r = 0; r < rows; ++r) {
      const double within = random.uniform();
      if (r == row)
        u.push_back((static_cast<double>(shares[r]) + within) / static_cast<double>(rows));
    }
  }
  std::vector<double> x = point_at(problem.space, u);
  return unseen.accepts(x) ? x : unseen.draw("latin hypercube stand-in", trial);
}

std::vector<double> LatinHypercubeSampler::ask(const std::vector<Observation>& history,
                                               std::uint64_t trial) {
  return latin_hypercube_point(problem_, Unseen(problem_, history), trial);
}

SobolSampler::SobolSampler(SamplerProblem problem)
    : problem_(std::move(problem)),
      sequence_(problem_.space.parameters().size(), random_key(problem_.seed, "sobol sampler")) {}

std::vector<double> SobolSampler::ask(const std::vector<Observation>& history,
                                      std::uint64_t trial) {
  const Unseen unseen(problem_, history);
  std::vector<double> u(sequence_.dimensions());
  sequence_.point(trial, u.data());
  std::vector<double> x = point_at(problem_.space, u);
  return unseen.accepts(x) ? x : unseen.draw("sobol stand-in", trial);
}

}  // namespace paretiny::samplers
