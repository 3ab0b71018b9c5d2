#include "nas/study/owner.h"

#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <sstream>

#include "base/text_file.h"
#include "nas/study/study.h"

namespace paretiny::study {
namespace {

/// Host name and process namespace: where a process id has a meaning. Two containers may share a
/// host name, never a namespace.
std::string place() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  std::array<char, 64> space{};
  if (readlink("/proc/self/ns/pid", space.data(), space.size() - 1) < 0) space[0] = '\0';
  std::string digits;
  for (const char* c = space.data(); *c != '\0'; ++c) {
    if (*c >= '0' && *c <= '9') digits += *c;
  }
  return fmt::format("{}/{}", host.data(), digits);
}

/// Start of a process in clock ticks since boot: tells it from a later one with the same id. Empty
/// when there is no such process or it is a zombie.
std::string process_start(long pid) {
  const std::string stat = read_text(fmt::format("/proc/{}/stat", pid)).value_or("");
  const std::size_t name_end = stat.rfind(')');  // the name may hold blanks and parentheses
  if (name_end == std::string::npos) return {};
  std::istringstream fields(stat.substr(name_end + 1));
  std::string field;
  for (int number = 3; number <= 22 && fields >> field; ++number) {
    if (number == 3 && (field == "Z" || field == "X")) return {};
  }
  return field;
}

}  // namespace

std::string process_owner(int worker) {
  const long pid = getpid();
  return fmt::format("{}/{}/{}/{}", place(), pid, process_start(pid), worker);
}

std::string owners_here() {
  return place() + "/";
}

bool owner_gone(const std::string& owner) {
  const std::string here = owners_here();
  if (!owner.starts_with(here)) return false;
  const std::string rest = owner.substr(here.size());
  long pid = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), pid);
  if (error != std::errc{} || end == rest.data() + rest.size() || *end != '/') return false;
  const std::string start = process_start(pid);
  if (process_start(getpid()).empty()) return false;  // no /proc to ask
  return start.empty() || !std::string(end + 1).starts_with(start + "/");
}

}  // namespace paretiny::study
