#include "nas/report/timeline.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

namespace paretiny::report {
namespace {

/// A break is a pause longer than this share of the time in which somebody worked; so much of that
/// time is left of it.
constexpr double kLongPause = 0.05;
constexpr double kLeftOfPause = 0.02;

struct Attempt {
  std::string owner;
  Stretch stretch;
};

std::vector<Attempt> attempts_of(const std::vector<study::Trial>& trials) {
  std::string first, last;  // ISO 8601 in UTC sorts by time
  for (const study::Trial& trial : trials) {
    if (trial.started.empty()) continue;
    if (first.empty() || trial.started < first) first = trial.started;
    last = std::max({last, trial.started, trial.finished});
  }
  std::vector<Attempt> attempts;
  for (const study::Trial& trial : trials) {
    const double begin = study::seconds_between(first, trial.started);
    const double end = study::seconds_between(
        first, trial.state == study::TrialState::running ? last : trial.finished);
    if (!std::isfinite(begin) || !std::isfinite(end)) continue;
    attempts.push_back({trial.owner, {0, trial.number, begin, std::max(begin, end)}});
  }
  std::ranges::stable_sort(attempts, {}, [](const Attempt& it) { return it.stretch.begin; });
  return attempts;
}

/// Gives every attempt the lane that its owner had, else the first that is free; returns how many.
std::size_t share_lanes(std::vector<Attempt>& attempts) {
  struct Lane {
    double free = 0;
    std::string owner;
  };
  std::vector<Lane> lanes;
  for (Attempt& attempt : attempts) {
    const std::string& owner = attempt.owner;
    Stretch& stretch = attempt.stretch;
    const auto is_free = [&](const Lane& lane) { return lane.free <= stretch.begin; };
    auto lane = std::ranges::find_if(
        lanes, [&](const Lane& it) { return is_free(it) && it.owner == owner; });
    if (lane == lanes.end()) lane = std::ranges::find_if(lanes, is_free);
    if (lane == lanes.end()) lane = lanes.insert(lane, Lane{});
    stretch.lane = static_cast<std::size_t>(lane - lanes.begin());
    *lane = {stretch.end, owner};
  }
  return lanes.size();
}

double busy_share(const std::vector<Attempt>& attempts) {
  struct Shift {
    double begin = 0, end = 0, worked = 0;
  };
  std::map<std::string, Shift> shifts;
  for (const auto& [owner, stretch] : attempts) {
    const auto [found, is_new] = shifts.try_emplace(owner, Shift{stretch.begin, stretch.begin, 0});
    Shift& shift = found->second;
    if (!is_new && stretch.begin < shift.end) return std::numeric_limits<double>::quiet_NaN();
    shift.end = stretch.end;
    shift.worked += stretch.end - stretch.begin;
  }
  double worked = 0, there = 0;
  for (const auto& [owner, shift] : shifts) {
    worked += shift.worked;
    there += shift.end - shift.begin;
  }
  return worked / there;
}

struct Pause {
  double begin = 0, end = 0;
};

/// When nobody worked, between the first start and the last end.
std::vector<Pause> pauses_of(const std::vector<Attempt>& attempts) {
  std::vector<Pause> pauses;
  double until = 0;
  for (const auto& [owner, stretch] : attempts) {
    if (stretch.begin > until) pauses.push_back({until, stretch.begin});
    until = std::max(until, stretch.end);
  }
  return pauses;
}

}  // namespace

Timeline timeline_of(const std::vector<study::Trial>& trials) {
  std::vector<Attempt> attempts = attempts_of(trials);
  Timeline timeline;
  timeline.lanes = share_lanes(attempts);
  timeline.busy = busy_share(attempts);
  double last = 0, idle = 0;
  for (const auto& [owner, stretch] : attempts) last = std::max(last, stretch.end);
  const std::vector<Pause> pauses = pauses_of(attempts);
  for (const Pause& pause : pauses) idle += pause.end - pause.begin;
  const double work = last - idle;

  double left_out = 0;
  auto pause = pauses.begin();
  for (auto& [owner, stretch] : attempts) {
    for (; pause != pauses.end() && pause->end <= stretch.begin; ++pause) {
      const double seconds = pause->end - pause->begin;
      if (seconds <= kLongPause * work) continue;
      const double drawn = kLeftOfPause * work;
      timeline.breaks.push_back({pause->begin - left_out, drawn, seconds});
      left_out += seconds - drawn;
    }
    stretch.begin -= left_out;
    stretch.end -= left_out;
    timeline.length = std::max(timeline.length, stretch.end);
    timeline.stretches.push_back(stretch);
  }
  return timeline;
}

}  // namespace paretiny::report
