// The loop: ask, build, measure what is free, train what fits, tell.
#pragma once

#include <cstdint>
#include <stop_token>
#include <vector>

#include "nas/experiment/experiment.h"
#include "nas/samplers/sampler.h"
#include "nas/search/candidate.h"
#include "nas/study/study.h"

namespace paretiny {

/// The objectives of a search, in the order the study keeps them: error, rom, ram, flops and, where
/// the experiment asks for it, instructions.
std::vector<Objective> search_objectives(const Experiment& experiment);

/// The header a study of this experiment, on these samples, must have. Throws UsageError when its
/// space is empty or its sampler has no such options.
StudyHeader study_header(const Experiment& experiment, const Dataset& dataset, Device device);

/// Told what happens, in the searching thread.
class SearchObserver {
 public:
  virtual ~SearchObserver() = default;
  virtual void trial_started(const Trial& /*trial*/, const Sketch& /*sketch*/) {}
  virtual void epoch_done(const Trial& /*trial*/, const EpochReport& /*report*/) {}
  /// `trials` is the whole study after the change.
  virtual void trial_ended(const std::vector<Trial>& /*trials*/, const Trial& /*ended*/) {}
  /// The search ends before its last trial; `what` is a sentence without its full stop.
  virtual void space_exhausted(const std::string& /*what*/) {}
  /// The lease of `trial` ran out and another worker has taken it: this one has stopped.
  virtual void trial_lost(const Trial& /*trial*/) {}
};

/// Runs trials until the study holds `trials` of them, or every candidate that the space has, and
/// none is left to do. A candidate that
/// breaks a size limit is recorded infeasible and never trained; one whose loss is not finite, or
/// that does not fit the device, is recorded failed. On a stop request the running trial is given
/// back, to be run again from its start, and false is returned. Throws StoreError, and DeviceError
/// with the running trial recorded as failed.
bool run_search(const Experiment& experiment, Dataset dataset, Study& study, Stream& stream,
                std::int64_t trials, SearchObserver& observer, std::stop_token stop);

}  // namespace paretiny
