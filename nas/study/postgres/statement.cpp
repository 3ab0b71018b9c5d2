#include "nas/study/postgres/statement.h"

#include <array>
#include <string_view>
#include <utility>

namespace paretiny::study::postgres {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kPieces = {{
    {"<now>", "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"},
    {"<stamp>",
     "to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"},
    {"<trial>",
     "number, state, parameters, objectives, metrics, reason, architecture, seed, attempts, owner, "
     "lease_until, started, finished, verdict, token"},
    {"<held>",
     "study = $1 AND number = $2 AND state = 'running' AND owner = $3 AND "
     "token = coalesce($4::bigint, token)"},
}};

}  // namespace

std::string statement(std::string text) {
  for (const auto& [name, piece] : kPieces) {
    for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at)) {
      text.replace(at, name.size(), piece);
      at += piece.size();
    }
  }
  return text;
}

}  // namespace paretiny::study::postgres
