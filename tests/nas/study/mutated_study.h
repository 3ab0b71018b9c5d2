// Studies for the fuzz test: a sound one, and changes to its bytes and to what its rows say.
#pragma once

#include <fmt/core.h>
#include <zlib.h>

#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kernels/core/random.h"
#include "nas/study/sqlite/sqlite_study.h"
#include "nas/study/study_json.h"

namespace paretiny::test {

template <class T, std::size_t n>
const T& pick(const std::array<T, n>& items, Random& random) {
  return items[random.below(n)];
}

/// Bytes set, flipped, lost or added anywhere, half of the time near the beginning; or an end cut
/// off; or a page in another's place.
inline void mutate_bytes(std::string& bytes, Random& random) {
  constexpr std::size_t kPage = 4096;
  const std::uint64_t changes = 1 + random.below(8);
  for (std::uint64_t k = 0; k < changes && !bytes.empty(); ++k) {
    const std::size_t reach = random.below(2) == 0 ? bytes.size() : 120;
    std::size_t at = random.below(std::min(reach, bytes.size()));
    // The head of a page says how its cells lie.
    if (random.below(4) == 0) at = std::min(at / kPage * kPage + at % 16, bytes.size() - 1);
    switch (random.below(12)) {
      case 0:
        bytes.resize(at);
        break;
      case 1:
        bytes.erase(at, 1 + random.below(3));
        break;
      case 2: {
        const auto byte = static_cast<char>(random());
        bytes.insert(at, 1 + random.below(3), byte);
        break;
      }
      case 3:
        if (bytes.size() >= 2 * kPage) {
          const std::size_t pages = bytes.size() / kPage;
          const std::size_t from = random.below(pages), to = random.below(pages);
          std::memmove(&bytes[to * kPage], &bytes[from * kPage], kPage);
        }
        break;
      case 4:
        bytes[at] = pick(std::array{'\0', '\1', '\x7f', '\x80', '\xff'}, random);
        break;
      case 5:
        bytes[at] = static_cast<char>(random());
        break;
      default:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
    }
  }
}

/// Text that some reader may stumble over.
inline std::string odd_text(Random& random) {
  if (random.below(64) == 0) return std::string(100000, '[');
  return pick(std::array<std::string, 26>{"",
                                          "null",
                                          "true",
                                          "[]",
                                          "{}",
                                          "[[]]",
                                          "[{}]",
                                          "[null]",
                                          "[0.1]",
                                          "[0.1, 0.2, 0.3, 0.4]",
                                          "[null, null]",
                                          "[\"x\", 0.5]",
                                          "[1e308, -1e308]",
                                          "[1e999, 0.5]",
                                          "{\"x\": null}",
                                          "{\"x\": [1]}",
                                          "{\"x\": 18446744073709551615, \"k\": 3, \"c\": \"a\"}",
                                          "{\"x\": 0.5, \"k\": 3, \"c\": \"nowhere\"}",
                                          "{\"x\": 5e300, \"k\": 3, \"c\": \"a\"}",
                                          "{\"x\": 0.5, \"k\": 3.5, \"c\": \"a\", \"more\": 1}",
                                          "done",
                                          "waiting",
                                          "resting",
                                          "9999-99-99T99:99:99.999Z",
                                          "\xff\xfe\"\n",
                                          std::string("a\0b", 3)},
              random);
}

inline std::int64_t odd_number(Random& random) {
  constexpr std::array kNumbers{-1l, 0l, 1l, 6l, 1l << 31, 1l << 32, INT64_MAX, INT64_MIN};
  return pick(kNumbers, random);
}

/// `text` with a few of its characters changed, or a piece of it gone or doubled.
inline std::string mutated_text(std::string text, Random& random) {
  constexpr std::string_view kMarks = "[]{}\",:.-0123456789eE=#'\\ \n";
  for (std::uint64_t k = 1 + random.below(3); k > 0 && !text.empty(); --k) {
    const std::size_t at = random.below(text.size());
    const std::size_t length = 1 + random.below(12);
    switch (random.below(5)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, text.substr(at, length));
        break;
      case 2:
        text.insert(at, std::to_string(odd_number(random)));
        break;
      default:
        text[at] = kMarks[random.below(kMarks.size())];
    }
  }
  return text;
}

/// A JSON value with one of its members, at any depth, gone or replaced.
inline void mutate_json(nlohmann::json& value, Random& random) {
  if (value.is_structured() && !value.empty() && random.below(4) != 0) {
    auto member = value.begin();
    std::advance(member, static_cast<std::ptrdiff_t>(random.below(value.size())));
    if (random.below(4) == 0) {
      value.erase(member);
    } else {
      mutate_json(*member, random);
    }
    return;
  }
  switch (random.below(7)) {
    case 0:
      value = nullptr;
      break;
    case 1:
      value = odd_number(random);
      break;
    case 2:
      value = random.uniform(-1, 12);
      break;
    case 3:
      value = pick(std::array{1e308, -1e308, 5e-324, -0.0}, random);
      break;
    case 4:
      value = odd_text(random).substr(0, 100);
      break;
    case 5:
      value = nlohmann::json::array({value, value});
      break;
    default:
      value = value.is_string() ? nlohmann::json(mutated_text(value, random)) : nlohmann::json();
  }
}

/// Gives the row of a trial the checksum of what it says, if it says anything.
inline void seal_trial(study::Database& database, std::int64_t number) {
  study::Statement row(
      database,
      "SELECT state, parameters, objectives, metrics, reason, architecture, seed, "
      "attempts, owner, lease_until, started, finished, revision, verdict FROM trials "
      "WHERE number = ?");
  row.bind(number);
  if (!row.step()) return;
  nlohmann::json told;
  try {
    told = {{"number", number},
            {"state", row.text(0)},
            {"values", nlohmann::json::parse(row.text(1))},
            {"objectives", nlohmann::json::parse(row.text(2))},
            {"metrics", nlohmann::json::parse(row.text(3))},
            {"reason", row.text(4)},
            {"architecture", fmt::format("{:016x}", static_cast<std::uint64_t>(row.integer(5)))},
            {"seed", static_cast<std::uint64_t>(row.integer(6))},
            {"attempts", row.integer(7)},
            {"owner", row.text(8)},
            {"lease_until", row.integer(9)},
            {"started", row.text(10)},
            {"finished", row.text(11)}};
    if (!row.text(13).empty()) told["verdict"] = nlohmann::json::parse(row.text(13));
  } catch (const nlohmann::json::exception&) {
    return;
  }
  study::Statement(database, "UPDATE trials SET checksum = ? WHERE number = ?")
      .bind(study::row_checksum(fmt::format("{} {}", study::dump(told), row.integer(12))))
      .bind(number)
      .step();
}

/// Has the tally say what is there.
inline void seal_tally(study::Database& database) {
  study::Tally tally = study::read_tally(database);
  tally.trials = database.integer("SELECT count(*) FROM trials");
  tally.content = 0;
  for (const char* table : {"trials", "epochs", "models", "steps", "runs"}) {
    study::Statement rows(database, fmt::format("SELECT checksum FROM {}", table));
    while (rows.step()) tally.content += static_cast<std::uint64_t>(rows.integer(0));
  }
  study::write_tally(database, tally);
}

/// One cell of a trial's row, to something else of the column's type.
inline void mutate_trial(study::Database& database, std::int64_t number, Random& random) {
  constexpr std::array kJson{"parameters", "objectives", "metrics", "verdict"};
  constexpr std::array kText{"state", "reason", "owner", "started", "finished"};
  constexpr std::array kNumbers{"architecture", "seed", "attempts", "lease_until", "revision"};
  const auto update = [&](const char* column, const auto& value) {
    study::Statement(database, fmt::format("UPDATE trials SET {} = ? WHERE number = ?", column))
        .bind(value)
        .bind(number)
        .step();
  };
  const auto text_of = [&](const char* column) {
    return database.text(fmt::format("SELECT {} FROM trials WHERE number = {}", column, number));
  };
  const std::uint64_t kind = random.below(10);
  if (kind < 6) {
    const char* column = pick(kJson, random);
    std::string text = text_of(column);
    if (kind < 4) {
      nlohmann::json value = nlohmann::json::parse(text, nullptr, false);
      mutate_json(value, random);
      text = study::dump(value);
    } else {
      text = kind == 4 ? odd_text(random) : mutated_text(text, random);
    }
    update(column, std::string_view(text));
  } else if (kind < 8) {
    const char* column = pick(kText, random);
    constexpr std::array kStates{"waiting", "running",   "done",   "infeasible",
                                 "failed",  "abandoned", "stopped"};
    const std::string text = random.below(2) == 0 ? odd_text(random)
                             : column == kText[0] ? std::string(pick(kStates, random))
                                                  : mutated_text(text_of(column), random);
    update(column, std::string_view(text));
  } else {
    const std::int64_t value = odd_number(random);
    update(pick(kNumbers, random), value);
  }
  seal_trial(database, number);
}

/// The header, with the checksum of what it says.
inline void mutate_header(study::Database& database, Random& random) {
  auto header = nlohmann::json::parse(database.text("SELECT header FROM study"), nullptr, false);
  if (!header.contains("experiment") || !header["experiment"].is_string()) return;
  std::string text;
  switch (random.below(4)) {
    case 0:
      text = random.below(2) == 0 ? odd_text(random) : mutated_text(study::dump(header), random);
      break;
    case 1:  // the file that asked for it
      header["experiment"] = mutated_text(header["experiment"], random);
      text = study::dump(header);
      break;
    default:
      mutate_json(header, random);
      text = study::dump(header);
  }
  study::Statement(database, "UPDATE study SET header = ?, checksum = ?")
      .bind(std::string_view(text))
      .bind(study::row_checksum(text))
      .step();
}

/// A model's bytes, with the checksum that goes with them.
inline void mutate_model(study::Database& database, std::int64_t number, Random& random) {
  constexpr std::size_t kHead = 24;
  study::Statement row(database, "SELECT model FROM models WHERE trial = ?");
  row.bind(number);
  std::vector<std::uint8_t> bytes = row.step() ? row.bytes(0) : std::vector<std::uint8_t>();
  if (bytes.size() < 2 * kHead || random.below(8) == 0) {
    const std::string text = odd_text(random);
    bytes.assign(text.begin(), text.end());
  } else {
    bytes[kHead + random.below(bytes.size() - kHead)] = static_cast<std::uint8_t>(random());
    const auto checksum =
        static_cast<std::uint32_t>(crc32_z(0, bytes.data() + kHead, bytes.size() - kHead));
    std::memcpy(&bytes[12], &checksum, sizeof checksum);
  }
  study::Statement(database, "INSERT OR REPLACE INTO models VALUES (?, ?, ?)")
      .bind(number)
      .bind(study::model_checksum(number, bytes))
      .bind(std::span<const std::uint8_t>(bytes))
      .step();
}

/// A statement that only a stranger would run; their tables may be gone afterwards.
inline void mutate_tables(study::Database& database, std::int64_t number, Random& random) {
  const std::array<std::string, 21> statements{
      "DELETE FROM study", "DELETE FROM trials", "DROP TABLE study", "DROP TABLE trials",
      "DROP TABLE epochs", "DROP TABLE models", "CREATE TABLE more (x)", "DELETE FROM tally",
      fmt::format("UPDATE tally SET revision = {}", odd_number(random)),
      "ALTER TABLE trials ADD COLUMN more TEXT", "ALTER TABLE trials RENAME COLUMN reason TO why",
      "PRAGMA application_id = 0", "PRAGMA user_version = 1",
      "CREATE TRIGGER t AFTER UPDATE ON trials BEGIN DELETE FROM trials; END",
      "INSERT INTO epochs VALUES (0, -7, 1e308, NULL, -1e308, 0)",
      fmt::format("DELETE FROM trials WHERE number = {}", number),
      fmt::format("UPDATE trials SET number = {} WHERE number = {}", odd_number(random), number),
      fmt::format("UPDATE trials SET number = number + {}", 1 + random.below(5)),
      fmt::format("UPDATE epochs SET epoch = epoch + {}", odd_number(random) / 2),
      "DROP TABLE trials; CREATE VIEW trials AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT "
      "x + 1 FROM n) SELECT x AS number FROM n",
      // Numbers that are no key may be there twice, cells of no declared type hold anything.
      fmt::format("CREATE TABLE loose AS SELECT * FROM trials; INSERT INTO loose SELECT * FROM "
                  "trials; UPDATE loose SET {} = {} WHERE number = {}; DROP TABLE trials; "
                  "ALTER TABLE loose RENAME TO trials",
                  pick(std::array{"state", "objectives", "attempts", "number", "seed"}, random),
                  pick(std::array{"NULL", "x'00ff'", "1e308", "-1", "''"}, random), number)};
  const std::string& all = pick(statements, random);
  // Each but a trigger, whose own statements are part of it, may be several.
  const bool whole = all.starts_with("CREATE TRIGGER");
  for (std::size_t at = 0, end = 0; at < all.size(); at = end + 1) {
    end = whole ? all.size() : std::min(all.find(';', at), all.size());
    database.execute(std::string_view(all).substr(at, end - at));
  }
  seal_trial(database, number);
}

}  // namespace paretiny::test
