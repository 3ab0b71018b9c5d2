// A search over anything that can be measured from outside: the program asks for points and is told
// what came of them, by processes that may be gone in between (docs/cli.md).
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernels/core/device.h"
#include "nas/search/known_objectives.h"
#include "nas/search/session.h"
#include "nas/search/tell_step.h"
#include "nas/study/study.h"

namespace paretiny::search {

/// Who holds a trial that was asked for: no process, so none that could be gone.
inline constexpr const char* kAsked = "asked for";
/// Results may take as long as they take.
inline constexpr std::chrono::milliseconds kAskedLease = std::chrono::years(100);

/// What the file of a black box says.
struct BlackBox {
  StudySpec study;                     ///< sampler and seed aside
  std::optional<std::string> sampler;  ///< where the file names one
  std::optional<std::uint64_t> seed;
  StepRule rule{};  ///< by which trials are stopped early
};

/// Reads a file with [space.*], [objectives.*], [constraints.*], [study] and [sampler]. Throws
/// UsageError with file, line and key for anything unknown, missing or out of range; DataError for
/// a file that cannot be read or parsed.
BlackBox load_black_box(const std::filesystem::path& path);
/// The same from the text that a study kept.
BlackBox parse_black_box(const std::string& text, const std::string& source);

/// What the caller wants of the study, whatever the black box's file says.
struct BlackBoxWish {
  std::optional<std::string> sampler;
  std::optional<std::uint64_t> seed;
};

/// A study with what it is of.
struct OpenBlackBox {
  std::unique_ptr<study::Study> study;
  StudySpec spec;
  std::string note{};  ///< what is to be said of it, in a sentence; often nothing
};

/// Adds a trial that nobody asked for, with its result, and returns its number.
std::int64_t add_ended(study::Study& study, const space::Values& values, study::TrialState end,
                       const study::TrialResult& result);

/// Opens the study at `location` and checks it, once, or makes it. `box` is needed for a new one
/// and must be what an existing one was made for; without it an existing study tells what it is of.
/// Sampler and seed are the wish's, else those that the study was given when the same file made it,
/// else the file's. Throws UsageError where there is neither a study nor `box`, or the sampler has
/// not such options; StoreError as create_or_open_study does.
OpenBlackBox open_black_box(const study::Location& location, std::optional<BlackBox> box,
                            const BlackBoxWish& wish, Device device);

/// The same of an existing study, for results alone.
std::unique_ptr<study::Study> open_to_tell(const study::Location& location);

/// What is said of a suggestion beside its values.
struct Remarks {
  std::string by{};                       ///< samplers::Origin::by; "" for a trial left by others
  std::map<std::string, double> known{};  ///< objectives, as they are told, by name
  /// Often nothing: that no trial is below the file's reference yet and samplers look for one with
  /// a reference of their own; how many candidates were passed over.
  std::string note{};
  std::vector<std::string> detail{};  ///< samplers::Origin::detail
};

/// Suggests trials of a black box's study, and marks them as running until they are told.
class Asker {
 public:
  /// `opened` must stay; it is kept at `location`. `known` is the command that computes the
  /// objectives that the file says are known, "" where it says so of none. Throws UsageError where
  /// one of the two is missing. Samplers say what they went by if `explain` is true.
  Asker(const OpenBlackBox& opened, const study::Location& location, Device device,
        const std::string& known = "", bool explain = false);

  /// A candidate that is known to break a limit is recorded as infeasible, and another is
  /// suggested. Throws SpaceExhausted, also when a hundred in a row are such, and ToolError when
  /// the command fails.
  study::Trial next();
  /// What is to be said of `trial`, the last suggestion.
  Remarks remarks(const study::Trial& trial);
  /// Takes a suggestion back that could not be passed on: somebody else gets it.
  void take_back(const study::Trial& trial);

 private:
  study::Study& study_;
  /// Ends a trial that is known to break a limit; whether it does.
  bool passed_over(const study::Trial& trial);
  std::string note() const;

  const std::vector<study::Objective>& objectives_;
  const study::Lease lease_;
  std::unique_ptr<KnownObjectives> known_;
  Session session_;
  std::size_t passed_over_ = 0;  ///< before the last suggestion
  samplers::Origin origin_;      ///< of the last suggestion
  bool any_left_ = true;         ///< trials that were asked for and never got to anybody
};

/// Takes one line such as {"trial": 3, "objectives": {"loss": 0.2}, "constraints": {"heat": 71}} or
/// {"trial": 3, "failed": "out of memory"}, or with {"values": {...}} in place of the trial for
/// what was not asked for, and answers with the line to print: {"trial": 3, "state": "done"}. What
/// becomes of the trial is the session's verdict; null, NaN and Infinity are objectives that are
/// not finite. Throws DataError for what is no result of a trial that `ask` gave and that waits for
/// one; nothing is recorded then. A line with a "step" tells what a trial has before its end
/// (tell_step.h). A stopped trial that was run on nevertheless is taken, too.
std::string tell_trial(study::Study& study, const std::string& line);

/// The line that a suggestion is printed as: {"trial": 3, "values": {...}}, with those remarks that
/// say something.
std::string suggestion_line(const study::Trial& trial, const Remarks& remarks = {});

}  // namespace paretiny::search
