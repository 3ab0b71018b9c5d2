// What came of the trials of a black box, told by others.
#pragma once

#include <string>

#include "nas/study/study.h"

namespace paretiny::black_box {

/// Takes one line such as {"trial": 3, "objectives": {"loss": 0.2}, "constraints": {"heat": 71}} or
/// {"trial": 3, "failed": "out of memory"}, or with {"values": {...}} in place of the trial for
/// what was not asked for, and answers with the line to print: {"trial": 3, "state": "done"}. What
/// becomes of the trial is the session's verdict; null, NaN and Infinity are objectives that are
/// not finite. Throws DataError for what is no result of a trial that `ask` gave and that waits for
/// one; nothing is recorded then. A line with a "step" tells what a trial has before its end
/// (tell_step.h). A stopped trial that was run on nevertheless is taken, too.
std::string tell_trial(study::Study& study, const std::string& line);

}  // namespace paretiny::black_box
