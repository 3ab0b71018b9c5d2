// Samplers that learn nothing: uniform random points, Latin hypercubes, a Sobol sequence.
#pragma once

#include "nas/samplers/proposal/unseen.h"
#include "nas/space/sobol.h"

namespace paretiny::samplers {

class RandomSampler : public Sampler {
 public:
  explicit RandomSampler(SamplerProblem problem) : problem_(std::move(problem)) {}
  std::vector<double> ask(const std::vector<Observation>& history, std::uint64_t trial) override;

 private:
  SamplerProblem problem_;
};

/// Row `trial` of a sequence of Latin hypercubes of `problem.initial` rows each (McKay, Beckman and
/// Conover, 1979): in a block every parameter visits each of its equal shares once. A row that was
/// seen before gives way to a random point.
std::vector<double> latin_hypercube_point(const SamplerProblem& problem, const Unseen& unseen,
                                          std::uint64_t trial);

class LatinHypercubeSampler : public Sampler {
 public:
  explicit LatinHypercubeSampler(SamplerProblem problem) : problem_(std::move(problem)) {}
  std::vector<double> ask(const std::vector<Observation>& history, std::uint64_t trial) override;

 private:
  SamplerProblem problem_;
};

/// Trial t is point t of a scrambled Sobol sequence, one dimension a parameter; a point that was
/// seen before gives way to a random one.
class SobolSampler : public Sampler {
 public:
  explicit SobolSampler(SamplerProblem problem);
  std::vector<double> ask(const std::vector<Observation>& history, std::uint64_t trial) override;

 private:
  SamplerProblem problem_;
  space::SobolSequence sequence_;
};

}  // namespace paretiny::samplers
