// What one study knows, taken over by another, of another space.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "nas/experiment/experiment.h"
#include "nas/study/study.h"

namespace paretiny::search {

/// What of another study's trials could be taken over.
struct Taken {
  std::size_t trials = 0;  ///< that the other study has
  std::size_t taken = 0;
  std::size_t there = 0;                      ///< were taken before
  std::map<std::string, std::size_t> left{};  ///< how many were not, by reason
  std::vector<std::string> lost{};            ///< parameters that are searched no longer
};

/// Adds a trial that nobody asked for, as the lease's owner, with its result; returns its number.
std::int64_t add_ended(study::Study& study, const study::Lease& lease, const space::Values& values,
                       study::TrialState end, const study::TrialResult& result);

/// Adds what `from` knows to the black box's study `into`, which is of `space`, as the lease's
/// owner; each trial once, whatever asks how often: values and objectives by name, judged by the
/// limits of now. `given` are values that trials had of parameters that were not searched then.
/// Left are trials without a result, outside the space, or without one of the objectives or
/// constraints. Throws UsageError where both are one study.
Taken take_trials(study::Study& from, study::Study& into, const study::Lease& lease,
                  const space::Space& space, const space::Values& given);

/// The same of a search, with metrics and models. Of a parameter that was not searched
/// then, trials had the value of the experiment of then; one that is searched no longer has that of
/// now, and a trial that had another is left. Throws StoreError for a study that is
/// no search's, or of another task or other data, whose results say nothing here.
Taken take_trials(study::Study& from, study::Study& into, const experiment::Experiment& experiment);

/// The same in a sentence; `path` is of the other study.
std::string sentence(const Taken& taken, const std::string& path);

}  // namespace paretiny::search
