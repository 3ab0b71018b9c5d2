// What samplers that learn have in common: a design to begin with, then suggestions of a model.
#pragma once

#include <optional>

#include "kernels/core/random.h"
#include "nas/samplers/acquisition/knowledge.h"
#include "nas/samplers/acquisition/outcome_transform.h"
#include "nas/samplers/methods/designs.h"
#include "nas/samplers/proposal/unseen.h"
#include "nas/surrogate/input_warp.h"

namespace paretiny::samplers {

class ModelSampler : public Sampler {
 public:
  explicit ModelSampler(SamplerProblem problem);

  /// The first `initial` trials are a Latin hypercube, as is every trial while nothing is measured.
  /// Then the first suggestion that was not seen before, or else a random point.
  std::vector<double> ask(const std::vector<Observation>& told, std::uint64_t trial) final;

 protected:
  /// Snapped points, most wanted first. Something is measured.
  virtual std::vector<std::vector<double>> suggest(const std::vector<Observation>& history,
                                                   const Knowledge& knowledge,
                                                   std::uint64_t trial) = 0;

  /// Whether the cube is bent for surrogates that one scale of length fits badly (input_warp.h):
  /// `suggest` then sees bent positions only.
  virtual bool bends() const { return false; }

  /// The problem in the units of the history that `suggest` gets.
  const SamplerProblem& problem() const { return transformed_; }
  /// Whether its reference is inferred, since no trial has reached the one given.
  bool inferred() const { return inferred_; }
  /// To those units from the problem's own, one an objective.
  const std::vector<ObjectiveTransform>& transforms() const { return transforms_; }
  /// What a position in those units stands for.
  space::Values values_at(const std::vector<double>& x) const;
  /// Whether the snapped position, in those units, is one that was not seen before.
  bool fresh(const std::vector<double>& x) const;
  /// Says of every surrogate how well it predicts and what matters to it, if that was asked for.
  void explain(const surrogate::Surrogates& surrogates, const Knowledge& knowledge);
  /// Where the models are computed.
  Stream& stream();
  /// A key of random numbers for (seed, trial).
  std::uint64_t key(std::string_view purpose, std::uint64_t trial) const;

 private:
  /// A position of the problem's own space, snapped, from one in the units of `suggest`.
  std::vector<double> own_position(std::vector<double> x) const;

  SamplerProblem problem_;      ///< as given
  SamplerProblem transformed_;  ///< in the units of the last history
  std::vector<ObjectiveTransform> transforms_;
  bool inferred_ = false;
  surrogate::InputWarp warp_;
  std::optional<Unseen> unseen_;  ///< of the history that `ask` was given, while it runs
  std::unique_ptr<Stream> stream_;
};

}  // namespace paretiny::samplers
