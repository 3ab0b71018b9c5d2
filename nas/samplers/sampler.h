// One ask / tell interface for every sampler. `ask` is a pure function of what is known and of
// (seed, trial): a study that is resumed, or replayed, gets the same suggestions. Telling a result
// is adding an observation.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernels/core/device.h"
#include "nas/space/space.h"

namespace paretiny::samplers {

enum class Outcome {
  finished,    ///< all objectives and constraints known
  infeasible,  ///< broke a limit before all was measured: what was not is NaN
  failed,      ///< no objectives; counts against feasibility, never enters a surrogate as numbers
  pending,     ///< asked for, not told yet
  stopped,     ///< ended early: what was not known is predicted, and on no front
};

/// One trial as a sampler sees it. Numbers that are not finite are as good as not measured.
struct Observation {
  std::vector<double> x;  ///< unit-cube position, snapped: [space.dimensions()]
  Outcome outcome = Outcome::pending;
  std::vector<double> objectives{};   ///< minimised: [problem.objectives] or empty
  std::vector<double> constraints{};  ///< met where <= 0: [problem.constraints] or empty
  /// stopped: standard deviations of the objectives around what is predicted, 0 for those that are
  /// known: [problem.objectives].
  std::vector<double> deviations{};
};

/// What a sampler is made for.
struct SamplerProblem {
  space::Space space;
  std::size_t objectives = 0;
  std::vector<double> reference;  ///< of the hypervolume, [objectives]
  /// Limits on objectives, infinity for none: [objectives], or empty for none at all.
  std::vector<double> limits{};
  std::size_t constraints = 0;  ///< measured besides the objectives
  std::uint64_t seed = 0;
  std::size_t initial = 10;  ///< trials of the initial design
  /// Where Gaussian processes and policies are computed.
  Device device{};
  /// Tells whether values stand for a candidate that was suggested before under another name
  /// (two points of the space may decode to one architecture). May be empty.
  std::function<bool(const space::Values&)> duplicate{};
  /// The objectives that follow from values without a trial, exactly; NaN for the others:
  /// [objectives], or empty where the values make no candidate. May be empty.
  std::function<std::vector<double>(const space::Values&)> known{};
  /// A suggestion that is being worked out is given up on request.
  std::stop_token stop{};
  /// Whether samplers that learn say in Origin::detail what they went by.
  bool explain = false;
};

/// Where a suggestion came from.
struct Origin {
  /// "design", "model", or "random": all that the model wanted had been suggested before; "" of a
  /// sampler without a model.
  std::string by{};
  /// What the model went by, in words, one sentence a line; nothing unless it was asked for.
  std::vector<std::string> detail{};
};

/// No candidate of the space is left to suggest: the end of a search, and no mistake of anybody's.
class SpaceExhausted : public Error {
  using Error::Error;
};

class Sampler {
 public:
  virtual ~Sampler() = default;
  /// A snapped point not seen in `history` for trial number `trial` (counted from 0). Throws
  /// SpaceExhausted, and Interrupted.
  virtual std::vector<double> ask(const std::vector<Observation>& history, std::uint64_t trial) = 0;
  /// Of the last suggestion.
  const Origin& origin() const { return origin_; }

 protected:
  Origin origin_;
};

/// What is used where nobody names one.
inline constexpr const char* kDefaultSampler = "ars+";

/// Makes the sampler called `name`, one of sampler_names(). `options` are the keys of [sampler] in
/// an experiment; throws UsageError for an unknown name or option, naming the nearest.
std::unique_ptr<Sampler> make_sampler(const std::string& name, SamplerProblem problem,
                                      const std::map<std::string, double>& options = {});

/// The names `make_sampler` knows, in the order a help text lists them.
std::vector<std::string> sampler_names();

}  // namespace paretiny::samplers
