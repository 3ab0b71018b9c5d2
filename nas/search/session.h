// One worker's way with a study, whatever it measures: what is known becomes observations, a point
// that a sampler suggests becomes a trial. A search and a black box share it.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "kernels/core/device.h"
#include "nas/samplers/sampler.h"
#include "nas/study/study.h"

namespace paretiny {

/// Fills in which program and device makes the study.
void sign(StudyHeader& header, Device device);

/// A candidate that was not there before.
struct Suggestion {
  Values values;
  std::uint64_t architecture = 0;  ///< hash of what the values stand for
  std::uint64_t seed = 0;          ///< of the trial
};

class Session {
 public:
  /// Works on `study`, whose file is `store`, for points of `space`; both must stay. Every trial is
  /// taken with `lease`. Throws StoreError, naming the trial, when the study holds values that are
  /// not of the space: it is damaged.
  Session(Study& study, std::filesystem::path store, const Space& space, Lease lease);

  const std::string& owner() const { return lease_.owner; }
  const Lease& lease() const { return lease_; }

  /// `trials` of the study as a sampler sees them, objectives over `scales` ([objectives], or empty
  /// for those as measured).
  std::vector<Observation> observations(const std::vector<Trial>& trials,
                                        const std::vector<double>& scales = {});

  /// Makes the suggestion for the trial that comes next, whose number is the count of `trials`.
  using Suggest = std::function<Suggestion(const std::vector<Trial>& trials)>;

  /// Takes a trial that nobody works on.
  std::optional<Trial> take();
  /// Adds a trial and takes it, unless the study has `most` already. Throws what `suggest` throws.
  std::optional<Trial> add(std::int64_t most, const Suggest& suggest);

 private:
  Study& study_;
  const std::filesystem::path store_;
  const Space& space_;
  const Lease lease_;
  std::vector<std::vector<double>> positions_;  ///< [trials], encoded once: values never change
};

}  // namespace paretiny
