#include "nas/cli/terminal/progress.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/log.h"
#include "base/one_line.h"
#include "nas/cli/terminal/output.h"
#include "nas/summary/format.h"
#include "nas/summary/summary.h"

namespace paretiny::cli {

Progress::Progress(std::vector<study::Objective> objectives, std::int64_t trials)
    : objectives_(std::move(objectives)),
      total_(trials),
      // Phases told of one by one would break a line that is redrawn.
      terminal_(is_terminal() && log_level() == LogLevel::info),
      signs_(bar_signs()) {}

Progress::~Progress() {
  if (drawn_) say("\n");
}

void Progress::search_started(const std::vector<study::Trial>& trials) {
  done_ = std::count_if(trials.begin(), trials.end(), study::has_ended);
}

void Progress::trial_started(const study::Trial& trial, const search::Sketch& sketch) {
  activities_[trial.number] = {
      summary::format_count(static_cast<double>(sketch.footprint.flops), "FLOPs"), "0"};
  draw();
}

void Progress::epoch_done(const study::Trial& trial, const train::EpochReport& report) {
  const std::string done = fmt::format("{}/{}", report.epoch, report.epochs);
  activities_[trial.number] = {"epoch " + done, done};
  draw();
}

void Progress::trial_ended(const std::vector<study::Trial>& trials, const study::Trial& ended) {
  done_ = std::count_if(trials.begin(), trials.end(), study::has_ended);
  ++ended_here_;
  activities_.erase(ended.number);
  const summary::StudySummary summary = summary::summarise(objectives_, trials);
  const double volume = summary.hypervolume.empty() ? 0 : summary.hypervolume.back();
  figures_ = fmt::format("hypervolume {}", summary::format_fixed(volume, 4));
  if (summary.best) {
    figures_ +=
        fmt::format(", best {}", summary::format_percent(1 - trials[*summary.best].objectives[0]));
  }
  if (terminal_) {
    // What came of the others stands in the figures.
    if (ended.state != study::TrialState::done) {
      say(fmt::format("\r\033[Ktrial {} {}: {}\n", ended.number, to_string(ended.state),
                      one_line(ended.reason)));
    }
    draw();
    return;
  }
  if (ended.state != study::TrialState::failed && !logs(LogLevel::info)) return;
  std::string line =
      fmt::format("{}/{} trial {} {}", done_, total_, ended.number, to_string(ended.state));
  if (ended.state == study::TrialState::done) {
    line += fmt::format(
        ": {}, ROM {}, RAM {}, {}", summary::format_percent(1 - ended.objectives[0]),
        summary::format_bytes(ended.objectives[1]), summary::format_bytes(ended.objectives[2]),
        summary::format_count(ended.objectives[3], "FLOPs"));
  } else {
    line += fmt::format(": {}", one_line(ended.reason));
  }
  say(fmt::format("{}; {}, {} left\n", line, figures_, time_left()));
}

void Progress::space_exhausted(const std::string& what) {
  inform(fmt::format("{}{}: the search is complete\n", drawn_ ? "\n" : "", what));
  drawn_ = false;
}

void Progress::trial_lost(const study::Trial& trial) {
  activities_.erase(trial.number);
  say(fmt::format(
      "{}trial {} is another worker's by now: this one gave no sign of life for so long that its "
      "lease ran out; its work on it is dropped\n",
      drawn_ ? "\r\033[K" : "", trial.number));
}

void Progress::note(const std::string& what) {
  say(fmt::format("{}{}\n", drawn_ ? "\r\033[K" : "", one_line(what)));
}

std::string Progress::time_left() const {
  if (ended_here_ == 0) return "?";
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started_;
  return summary::format_seconds(took.count() / static_cast<double>(ended_here_) *
                                 static_cast<double>(std::max<std::int64_t>(0, total_ - done_)));
}

void Progress::draw() {
  if (!terminal_) return;
  BarState state{done_, total_, figures_, time_left()};
  for (const auto& [number, what] : activities_) {
    const char* comma = state.activity.empty() ? "" : ", ";
    state.activity += fmt::format("{}trial {}: {}", comma, number, what.text);
    state.brief += fmt::format("{}{}: {}", comma, number, what.brief);
  }
  if (activities_.size() < 2) state.brief.clear();
  // Clears to the end of the screen: a line that a narrower window has wrapped, too.
  say(fmt::format("\r\033[J{}", bar_line(state, terminal_columns(), signs_)));
  drawn_ = true;
}

}  // namespace paretiny::cli
