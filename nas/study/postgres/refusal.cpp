#include "nas/study/postgres/refusal.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/error.h"
#include "base/one_line.h"
#include "nas/study/postgres/connection.h"

namespace paretiny::study::postgres {
namespace {

bool in_class(const std::string& state, std::string_view kind) {
  return state.starts_with(kind);
}

/// Whether another try may succeed: connections that break, a server that starts or stops, too many
/// at once, and transactions that another kept from their end.
bool passes(const std::string& state) {
  constexpr std::array<std::string_view, 11> kPassing = {"57P01", "57P02", "57P03", "57P05",
                                                         "53300", "40001", "40P01", "55P03",
                                                         "57014", "25P03", "53000"};
  return in_class(state, "08") || std::ranges::find(kPassing, state) != kPassing.end();
}

}  // namespace

std::string take_state(std::string& message) {
  // "SEVERITY:  XXXXX: text", also behind "connection to server ... failed: ".
  for (std::size_t at = message.find(":  "); at != std::string::npos;
       at = message.find(":  ", at + 1)) {
    const std::size_t begin = at + 3;
    if (begin + 7 > message.size() || message[begin + 5] != ':') continue;
    const std::string state = message.substr(begin, 5);
    const bool is_state = std::ranges::all_of(state, [](char c) {
      return std::isdigit(static_cast<unsigned char>(c)) != 0 || (c >= 'A' && c <= 'Z');
    });
    if (!is_state) continue;
    message.erase(begin, 7);
    return state;
  }
  return {};
}

void refuse(const Location& location, const std::string& state, const std::string& message) {
  // What a verbose message adds of the server's own source is of no use here.
  std::string_view said = std::string_view(message).substr(0, message.find("\nLOCATION:"));
  while (!said.empty() && std::isspace(static_cast<unsigned char>(said.back())) != 0) {
    said.remove_suffix(1);
  }
  const std::string what = one_line(said);
  const std::string where = location.text();
  const auto refused = [&](const std::string& right) {
    return StoreError(fmt::format("the study '{}' cannot be used: {}; {}", where, what, right));
  };
  if (passes(state)) {
    throw ConnectionLost(
        fmt::format("the server of the study '{}' cannot be reached: {}; start it, "
                    "or wait for it, and run the same command again: everything "
                    "recorded so far is kept",
                    where, what));
  }
  if (state == "28P01" || state == "28000") {
    throw refused("user and password are PostgreSQL's: PGPASSWORD, ~/.pgpass or a service file");
  }
  if (state == "3D000") throw refused("make the database: createdb");
  if (state == "42501") throw refused("the role needs more rights (docs/scale.md)");
  if (state == "25006") throw refused("the role or the server is for reading alone");
  if (in_class(state, "53")) throw refused("everything recorded so far is kept");
  if (state == "23503") {
    throw StoreError(fmt::format("the study '{}' was deleted while it was worked on", where));
  }
  if (state == "42P01" || state == "42703" || state == "3F000" || state == "42883") {
    throw StoreError(fmt::format(
        "the database of the study '{}' has other tables than this program makes: {}; name another "
        "database, or put a copy back",
        where, what));
  }
  throw refused("run the same command again once that is mended");
}

}  // namespace paretiny::study::postgres
