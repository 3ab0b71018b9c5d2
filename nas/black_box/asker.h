// Who suggests trials of a black box.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "nas/black_box/black_box.h"
#include "nas/black_box/known_objectives.h"

namespace paretiny::black_box {

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
  search::Session session_;
  std::size_t passed_over_ = 0;  ///< before the last suggestion
  samplers::Origin origin_;      ///< of the last suggestion
  bool any_left_ = true;         ///< trials that were asked for and never got to anybody
};

/// The line that a suggestion is printed as: {"trial": 3, "values": {...}}, with those remarks that
/// say something.
std::string suggestion_line(const study::Trial& trial, const Remarks& remarks = {});

}  // namespace paretiny::black_box
