// The rule of stopping over a study: what it learns from, and a trial that it watches.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "nas/space/space.h"
#include "nas/stopping/stopping.h"
#include "nas/study/study.h"

namespace paretiny::search {

/// The setting that changes nothing: with the same lag any number of jobs asks for the same trials.
inline constexpr const char* kJobsSetting = "jobs";

/// Records the settings of a run, and says in a sentence which are others than in the run before;
/// else nothing.
std::string record_run(study::Study& study, const std::map<std::string, std::string>& settings);

/// Trials of a study as verdicts see them.
class StopRecords {
 public:
  struct Subject {
    const space::Space* space = nullptr;
    std::vector<study::Objective> objectives;
    std::vector<stopping::OpenObjective> open;
    std::uint64_t seed = 0;
    /// The curve of a trial, as far as it came.
    std::function<stopping::Curve(const study::Trial&)> curve{};
    /// Before which fraction of it nothing is decided. May be empty.
    std::function<double(const study::Trial&)> earliest{};
  };
  explicit StopRecords(Subject subject) : subject_(std::move(subject)) {}

  /// What is known of those of `trials` whose number is below `before` and that have ended. Curves
  /// of ended trials are asked for once.
  stopping::StopHistory history(const std::vector<study::Trial>& trials, std::int64_t before);
  /// A running trial at its beginning. known: [objectives], NaN for the open ones.
  stopping::StopTrial begin(const study::Trial& trial, std::vector<double> known) const;

 private:
  struct Kept {
    std::string finished;
    stopping::Curve curve;
  };

  stopping::Course course(const study::Trial& trial, stopping::Curve curve) const;
  const stopping::Curve& curve_of(const study::Trial& trial);

  Subject subject_;
  std::map<std::int64_t, Kept> curves_;
};

/// A running trial. Its verdicts depend on its curve and on what was known when it began, and on
/// nothing else: a trial that is gone on with gets the same.
class StopWatch {
 public:
  /// A trial whose verdict is StopReason::wanted keeps it.
  StopWatch(stopping::StopSpec spec, stopping::StopHistory history, stopping::StopTrial trial);

  /// After the next point of its curve.
  const stopping::StopVerdict& add(stopping::CurvePoint point);
  const stopping::StopVerdict& verdict() const { return *trial_.verdict; }
  /// What is kept as the reason of a trial that is stopped. names: of the objectives.
  std::string reason(const std::vector<std::string>& names) const;

 private:
  stopping::StopSpec spec_;
  stopping::StopHistory history_;
  stopping::StopTrial trial_;
};

}  // namespace paretiny::search
