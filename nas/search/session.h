// One ask / tell session, whoever measures the trials: a search and a black box share it. What a
// study is of becomes its header and its sampler's problem, what is known becomes observations, a
// point that the sampler suggests becomes a trial, and what was measured becomes a verdict.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "kernels/core/device.h"
#include "nas/samplers/sampler.h"
#include "nas/study/study.h"

namespace paretiny::search {

/// What a study is of.
struct StudySpec {
  study::StudyKind kind = study::StudyKind::search;
  std::string name;
  space::Space space;
  std::vector<study::Objective> objectives;
  std::vector<study::Constraint> constraints{};
  std::string sampler;
  std::map<std::string, double> options{};  ///< of the sampler
  std::uint64_t seed = 0;
  /// Where it is given, a trial's seed follows from this and the candidate alone.
  std::optional<std::uint64_t> training_seed{};
  std::size_t initial = 10;  ///< trials before the sampler learns
  std::string task;          ///< canonical text of all that a result depends on
  std::string data{};        ///< what identifies the samples of a search
  std::string text;          ///< the file as written
};

/// Stands for a candidate whose values are all that is known of it.
std::uint64_t values_hash(const space::Values& values);

/// The header that a study of this must have when this program makes it on `device`. Throws
/// UsageError when the sampler has no such options.
study::StudyHeader header_of(const StudySpec& spec, Device device);

/// How a measured trial ends, and why where it is not done.
struct Verdict {
  study::TrialState end = study::TrialState::done;
  std::string reason;
};

/// An objective that is not finite, or beyond 1e300, makes a failed trial; one above its limit, or
/// a metric out of its bounds, an infeasible one. values: [header.objectives]. `metrics` holds all
/// that the header's constraints are on.
Verdict verdict(const study::StudyHeader& header, const std::vector<double>& values,
                const std::map<std::string, double>& metrics);

/// What follows from values without a trial. Without `architecture`, other values are another
/// candidate.
struct Foresight {
  /// Hash of the candidate that values stand for; two points may be one candidate.
  std::function<std::uint64_t(const space::Values&)> architecture{};
  /// The objectives that are known, minimised (SamplerProblem::known); may be empty.
  std::function<std::vector<double>(const space::Values&)> known{};
};

/// A candidate that was not there before.
struct Suggestion {
  space::Values values;
  std::uint64_t architecture = 0;  ///< hash of what the values stand for
  std::uint64_t seed = 0;          ///< of the trial
  samplers::Origin origin{};
};

class Session {
 public:
  /// For `study`, which is kept at `store` and is of `spec`; these must stay. Samplers compute on
  /// `device` and give up, with Interrupted, on a stop request; they say what they went by if
  /// `explain` is true. Throws StoreError, naming the
  /// trial, when the study holds values that are not of the space: it is damaged.
  Session(study::Study& study, study::Location store, const StudySpec& spec, Device device,
          Foresight foresight = {}, std::stop_token stop = {}, bool explain = false);

  /// What the sampler suggests for trial `known.size()`. `known` are the trials so far, some of
  /// them perhaps as they were before their end. Does not touch the study: another thread may call
  /// it, one at a time. Throws SpaceExhausted and Interrupted.
  Suggestion ask(const std::vector<study::Trial>& known);

  /// Adds trial `number` and takes it. Nothing when another process has added it meanwhile.
  [[nodiscard]] std::optional<study::Trial> add(std::int64_t number, const Suggestion& suggestion,
                                                const study::Lease& lease);

 private:
  /// Makes the sampler for what `trials` say, unless there is one for just that.
  void prepare(const std::vector<study::Trial>& trials);
  /// What the sampler is told of `trials`; of those that have ended it is made once.
  const std::vector<samplers::Observation>& observations(const std::vector<study::Trial>& trials);
  samplers::Observation observation(const study::Trial& trial,
                                    const std::vector<double>& position) const;

  study::Study& study_;
  const study::Location store_;
  const StudySpec& spec_;
  const Device device_;
  const Foresight foresight_;
  const std::stop_token stop_;
  const bool explain_;
  std::vector<std::vector<double>> positions_;  ///< [trials], encoded once: values never change
  std::vector<samplers::Observation> observations_;
  std::vector<study::TrialState> told_states_;  ///< [observations]: of the trials they are of
  std::size_t seen_trials_ = 0;
  std::set<std::uint64_t> seen_;   ///< architectures of the first seen_trials_ trials
  std::vector<double> reference_;  ///< of the sampler
  std::unique_ptr<samplers::Sampler> sampler_;
};

}  // namespace paretiny::search
