#include "base/log.h"

#include <atomic>
#include <cstdio>

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

void log(LogLevel level, std::string_view text) {
  if (!logs(level)) return;
  const std::string line = "paretiny: " + std::string(text) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace paretiny
