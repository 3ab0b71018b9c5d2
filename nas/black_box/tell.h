// What came of the trials of a black box, told by others.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "nas/space/space.h"
#include "nas/study/study.h"

namespace paretiny::black_box {

/// Takes the lines that tell a black box's study what came of its trials.
class Teller {
 public:
  /// `study` must stay.
  explicit Teller(study::Study& study) : study_(study) {}

  /// Takes one line such as {"trial": 3, "objectives": {"loss": 0.2}, "constraints": {"heat": 71}}
  /// or
  /// {"trial": 3, "failed": "out of memory"}, or with {"values": {...}} in place of the trial for
  /// what was not asked for, and answers with the line to print: {"trial": 3, "state": "done"}.
  /// What becomes of the trial is the session's verdict; null, NaN and Infinity are objectives that
  /// are not finite. Throws DataError for what is no result of a trial that `ask` gave and that
  /// waits for one; nothing is recorded then. A line with a "step" tells what a trial has before
  /// its end (tell_step.h). A stopped trial that was run on nevertheless is taken, too.
  std::string tell(const std::string& line);

 private:
  std::string tell_unasked(const nlohmann::json& told);

  study::Study& study_;
  std::optional<space::Space> space_;  ///< of the study, once it was asked for
};

}  // namespace paretiny::black_box
