// NSGA-II (Deb, Pratap, Agarwal and Meyarivan, "A fast and elitist multiobjective genetic
// algorithm: NSGA-II", 2002) one trial at a time.
#pragma once

#include "nas/samplers/proposal/unseen.h"
#include "nas/samplers/proposal/variation.h"

namespace paretiny::samplers {

/// Every block of `population` trials is a generation: the first a Latin hypercube, the next ones
/// the offspring of whoever survived, by constrained rank and crowding, of all blocks before. The
/// parents are worked out from the history at every call, so nothing needs to be kept. A trial of
/// earlier blocks that is pending is not waited for; it and failed trials are nobody's parents.
///
/// Option `population`: 20, since a search has a few hundred trials; pymoo's 100 is made for
/// thousands.
class Nsga2Sampler : public Sampler {
 public:
  Nsga2Sampler(SamplerProblem problem, const std::map<std::string, double>& options);
  std::vector<double> ask(const std::vector<Observation>& told, std::uint64_t trial) override;

 private:
  SamplerProblem problem_;
  std::size_t population_ = 20;
  Variation variation_;
};

/// A trial that may be a parent.
struct Individual {
  std::vector<double> x;
  std::vector<double> objectives;
  double violation = 0;  ///< 0: feasible
  std::size_t rank = 0;  ///< among those it last survived with
  double crowding = 0;
};

/// The trials first .. first + count - 1 of a history that may be parents: finished ones with all
/// objectives known, and infeasible ones.
std::vector<Individual> individuals(const SamplerProblem& problem,
                                    const std::vector<Observation>& history, std::size_t first,
                                    std::size_t count);

/// The best `count`, by constrained rank, then crowding, then age.
std::vector<Individual> survivors(std::vector<Individual> all, std::size_t count);

}  // namespace paretiny::samplers
