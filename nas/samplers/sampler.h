// One ask / tell interface for every sampler. `ask` is a pure function of what is known and of
// (seed, trial): a study that is resumed, or replayed, gets the same suggestions. Telling a result
// is adding an observation.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "nas/space/space.h"

namespace paretiny {

enum class Outcome {
  finished,    ///< all objectives known
  infeasible,  ///< broke a limit before training: objectives not measured are NaN
  failed,      ///< no objectives; counts against feasibility, never enters a surrogate as numbers
  pending,     ///< asked for, not told yet
};

/// One trial as a sampler sees it.
struct Observation {
  std::vector<double> x;           ///< unit-cube position, snapped: [space.dimensions()]
  Outcome outcome = Outcome::pending;
  std::vector<double> objectives;  ///< minimised, scaled so that the limit is 1: [objectives] or empty
};

/// What a sampler is made for.
struct SamplerProblem {
  Space space;
  std::size_t objectives = 0;
  std::vector<double> reference;  ///< hypervolume reference point in scaled objectives
  std::uint64_t seed = 0;
  std::size_t initial = 10;       ///< trials of the initial design (Latin hypercube)
  /// Tells whether values stand for a candidate that was suggested before under another name
  /// (two points of the space may decode to one architecture). May be empty.
  std::function<bool(const Values&)> duplicate;
};

class Sampler {
 public:
  virtual ~Sampler() = default;
  /// A snapped point not seen in `history` for trial number `trial` (counted from 0). Throws
  /// UsageError when the space is exhausted.
  virtual std::vector<double> ask(const std::vector<Observation>& history, std::uint64_t trial) = 0;
};

/// Makes the sampler called `name` ("random", "lhs", "ars"). `options` are the keys of
/// [sampler] in an experiment; throws UsageError for an unknown name or option, naming the nearest.
std::unique_ptr<Sampler> make_sampler(const std::string& name, SamplerProblem problem,
                                      const std::map<std::string, double>& options = {});

/// The names `make_sampler` knows, in the order a help text lists them.
std::vector<std::string> sampler_names();

}  // namespace paretiny
