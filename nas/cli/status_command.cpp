#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "base/one_line.h"
#include "nas/cli/arguments/store_options.h"
#include "nas/cli/commands.h"
#include "nas/cli/terminal/interrupt.h"
#include "nas/cli/terminal/output.h"
#include "nas/experiment/experiment.h"
#include "nas/study/study.h"
#include "nas/summary/format.h"

namespace paretiny::cli {
namespace {

/// Over how much of the past the pace is taken.
constexpr double kPaceSeconds = 3600;

struct StudyStatus {
  std::size_t trials = 0;
  std::array<std::size_t, study::kTrialStates> count{};
  std::vector<study::Holder> holders;
  std::int64_t wanted = 0;  ///< trials in all; 0 where nobody says
  double an_hour = 0;       ///< trials that ended, at the pace of the last hour
  double left = NAN;        ///< seconds to the last trial at that pace; NaN where unknown
};

/// How many trials a search is to have; a black box is asked for as many as somebody wants.
std::int64_t trials_wanted(const study::StudyHeader& header) {
  if (header.kind != study::StudyKind::search) return 0;
  try {
    return experiment::experiment_of_study(header.experiment, header.name).trials;
  } catch (const Error&) {
    return 0;  // made by a program that knew other keys
  }
}

StudyStatus status_of(study::Study& study) {
  StudyStatus status;
  const std::vector<study::Trial>& trials = study.trials();
  status.trials = trials.size();
  status.holders = study.holders();
  status.wanted = trials_wanted(study.header());
  const std::string now = study::utc_now();
  double ended = 0;
  double longest = 0;
  std::size_t over = 0;
  for (const study::Trial& trial : trials) {
    ++status.count[static_cast<std::size_t>(trial.state)];
    if (!study::has_ended(trial)) continue;
    ++over;
    const double ago = study::seconds_between(trial.finished, now);
    if (!(ago < kPaceSeconds)) continue;
    ++ended;
    longest = std::max(longest, study::seconds_between(trial.started, now));
  }
  if (ended > 0) status.an_hour = ended * 3600 / std::clamp(longest, 1.0, kPaceSeconds);
  const std::int64_t missing = status.wanted - static_cast<std::int64_t>(over);
  if (status.wanted > 0 && (missing <= 0 || status.an_hour > 0)) {
    status.left = missing <= 0 ? 0 : static_cast<double>(missing) * 3600 / status.an_hour;
  }
  return status;
}

std::string age(const std::optional<std::chrono::milliseconds>& time) {
  return time ? summary::format_seconds(std::max(0.0, static_cast<double>(time->count()) / 1000))
              : "-";
}

void print_status(const StudyStatus& status) {
  fmt::print("{} trials", status.trials);
  if (status.wanted > 0) fmt::print(" of {}", status.wanted);
  for (std::size_t i = 0; i < study::kTrialStates; ++i) {
    if (status.count[i] == 0) continue;
    fmt::print(", {} {}", status.count[i], to_string(static_cast<study::TrialState>(i)));
  }
  fmt::print("; {:.1f} trials an hour", status.an_hour);
  if (!std::isnan(status.left)) fmt::print(", {} left", summary::format_seconds(status.left));
  fmt::print("\n");
  if (status.holders.empty()) return;
  fmt::print("{:>6} {:>12} {:>14} {:>12}  worker\n", "trial", "for", "sign of life", "lease left");
  const std::string now = study::utc_now();
  for (const study::Holder& holder : status.holders) {
    const double seconds = study::seconds_between(holder.started, now);
    fmt::print("{:>6} {:>12} {:>14} {:>12}  {}\n", holder.trial, summary::format_seconds(seconds),
               holder.seen ? age(holder.seen) + " ago" : "-",
               holder.lease_left.count() < 0 ? "none" : age(holder.lease_left),
               one_line(holder.owner));
  }
}

void print_json(const StudyStatus& status) {
  nlohmann::ordered_json form = {{"trials", status.trials}};
  if (status.wanted > 0) form["wanted"] = status.wanted;
  for (std::size_t i = 0; i < study::kTrialStates; ++i) {
    form[std::string(to_string(static_cast<study::TrialState>(i)))] = status.count[i];
  }
  form["trials_an_hour"] = status.an_hour;
  if (!std::isnan(status.left)) form["seconds_left"] = status.left;
  form["workers"] = nlohmann::ordered_json::array();
  for (const study::Holder& holder : status.holders) {
    nlohmann::ordered_json entry = {{"trial", holder.trial},
                                    {"worker", holder.owner},
                                    {"started", holder.started},
                                    {"lease_left_ms", holder.lease_left.count()}};
    if (holder.seen) entry["seen_ms_ago"] = holder.seen->count();
    form["workers"].push_back(std::move(entry));
  }
  fmt::print("{}\n", form.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

struct StatusOptions {
  StoreOptions store;
  bool json = false;
  bool watch = false;
};

void show_status(const StatusOptions& options) {
  const auto study = study::open_study(options.store.location());
  std::optional<InterruptGuard> interrupt;
  std::stop_token stop;
  if (options.watch) stop = interrupt.emplace().token();
  constexpr std::chrono::milliseconds kGlance{100};
  constexpr int kGlances = 20;
  while (true) {
    const StudyStatus status = status_of(*study);
    options.json ? print_json(status) : print_status(status);
    flush_output();
    if (!options.watch || (status.holders.empty() && status.left == 0)) return;
    for (int i = 0; i < kGlances; ++i) {
      if (stop.stop_requested()) return;
      std::this_thread::sleep_for(kGlance);
    }
  }
}

}  // namespace

void add_status_command(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("status", "say who works on what of a study, and how it gets on");
  auto options = std::make_shared<StatusOptions>();
  options->store.add_to(*command);
  command->add_flag("--json", options->json, "as one line of JSON");
  command->add_flag("--watch", options->watch,
                    "again every two seconds, until all trials have ended or Ctrl-C");
  command->callback([options] { show_status(*options); });
}

}  // namespace paretiny::cli
