#include "base/log.h"

#include <atomic>

#include "base/error.h"
#include "base/nearest.h"

namespace paretiny {
namespace {

std::atomic<LogLevel> chosen_level = LogLevel::info;

}  // namespace

LogLevel log_level() {
  return chosen_level.load(std::memory_order_relaxed);
}

void set_log_level(LogLevel level) {
  chosen_level = level;
}

LogLevel parse_log_level(const std::string& name) {
  if (name == "warning") return LogLevel::warning;
  if (name == "info") return LogLevel::info;
  if (name == "debug") return LogLevel::debug;
  throw UsageError("there is no log level '" + name + "'" +
                   suggestion(name, {"warning", "info", "debug"}));
}

}  // namespace paretiny
