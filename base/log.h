// How much a run tells of itself on standard error.
#pragma once

#include <string>

namespace paretiny {

enum class LogLevel {
  warning,  ///< what went wrong
  info,     ///< also what goes on: each trial, the bar
  debug,    ///< also what takes time: each phase, how long it took
};

/// Of the process; info at first.
LogLevel log_level();
void set_log_level(LogLevel level);
inline bool logs(LogLevel level) {
  return level <= log_level();
}

/// "warning", "info" or "debug". Throws UsageError, naming the nearest.
LogLevel parse_log_level(const std::string& name);

}  // namespace paretiny
