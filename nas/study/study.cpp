#include "nas/study/study.h"

#include <fmt/core.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <limits>

namespace paretiny::study {

bool is_study_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
}

std::vector<double> minimised(const std::vector<Objective>& objectives,
                              std::vector<double> values) {
  for (std::size_t k = 0; k < values.size(); ++k) values[k] = minimised(objectives[k], values[k]);
  return values;
}

bool has_ended(const Trial& trial) {
  return trial.state != TrialState::waiting && trial.state != TrialState::running;
}

std::string_view to_string(TrialState state) {
  constexpr std::array<std::string_view, kTrialStates> names = {
      "waiting", "running", "done", "infeasible", "failed", "abandoned", "stopped"};
  return names.at(static_cast<std::size_t>(state));
}

std::string_view to_string(StudyKind kind) {
  return kind == StudyKind::search ? "search" : "black box";
}

std::int64_t unix_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::string utc_now() {
  const std::int64_t ms = unix_ms();
  const std::time_t seconds = static_cast<std::time_t>(ms / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, ms % 1000);
}

namespace {

double unix_seconds(const std::string& text) {
  std::tm utc{};
  int ms = 0;
  char zone = 0;
  if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%3d%c", &utc.tm_year, &utc.tm_mon,
                  &utc.tm_mday, &utc.tm_hour, &utc.tm_min, &utc.tm_sec, &ms, &zone) != 8 ||
      zone != 'Z') {
    return std::numeric_limits<double>::quiet_NaN();
  }
  utc.tm_year -= 1900;
  utc.tm_mon -= 1;
  return static_cast<double>(timegm(&utc)) + ms / 1000.0;
}

}  // namespace

double seconds_between(const std::string& start, const std::string& end) {
  return unix_seconds(end) - unix_seconds(start);
}

}  // namespace paretiny::study
