#include <fmt/core.h>

#include <array>
#include <system_error>

#include "base/error.h"
#include "nas/study/same_study.h"
#include "nas/study/sqlite/sqlite_study.h"
#include "nas/study/sqlite/trial_row.h"
#include "nas/study/study_json.h"

namespace paretiny::study {
namespace {

constexpr std::int64_t kApplicationId = 0x50415254;  // "PART"
constexpr std::int64_t kSchemaVersion = 4;
/// Whose studies are gone on with: what it has not is added.
constexpr std::int64_t kSchemaBefore = 3;
/// What SQLite makes of the trials' table by adding the column.
constexpr std::string_view kVerdictColumn = "verdict TEXT NOT NULL DEFAULT ''";
constexpr std::array kSchema = {
    "CREATE TABLE study (id INTEGER PRIMARY KEY CHECK (id = 1), header TEXT NOT NULL, "
    "checksum INTEGER NOT NULL) STRICT",
    "CREATE TABLE tally (id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL, "
    "trials INTEGER NOT NULL, content INTEGER NOT NULL, checksum INTEGER NOT NULL) STRICT",
    "CREATE TABLE trials (number INTEGER PRIMARY KEY, state TEXT NOT NULL, "
    "parameters TEXT NOT NULL, objectives TEXT NOT NULL, metrics TEXT NOT NULL, "
    "reason TEXT NOT NULL, architecture INTEGER NOT NULL, seed INTEGER NOT NULL, "
    "attempts INTEGER NOT NULL, owner TEXT NOT NULL, lease_until INTEGER NOT NULL, "
    "started TEXT NOT NULL, finished TEXT NOT NULL, revision INTEGER NOT NULL, "
    "checksum INTEGER NOT NULL, verdict TEXT NOT NULL DEFAULT '') STRICT",
    // What has changed, and what is left to do, is found without reading all trials.
    "CREATE INDEX trials_changed ON trials (revision)",
    "CREATE INDEX trials_open ON trials (number) WHERE state IN ('waiting', 'running')",
    "CREATE TABLE epochs (trial INTEGER NOT NULL, epoch INTEGER NOT NULL, loss REAL, "
    "accuracy REAL, sparsity REAL, checksum INTEGER NOT NULL, "
    "PRIMARY KEY (trial, epoch)) STRICT, WITHOUT ROWID",
    // The checksum first: it is read without what follows.
    "CREATE TABLE models (trial INTEGER PRIMARY KEY, checksum INTEGER NOT NULL, "
    "model BLOB NOT NULL) STRICT",
    // What follows the schema before has not.
    "CREATE TABLE steps (trial INTEGER NOT NULL, step INTEGER NOT NULL, "
    "objectives TEXT NOT NULL, checksum INTEGER NOT NULL, "
    "PRIMARY KEY (trial, step)) STRICT, WITHOUT ROWID",
    "CREATE TABLE checkpoints (trial INTEGER PRIMARY KEY, epochs INTEGER NOT NULL, "
    "checkpoint BLOB NOT NULL) STRICT",
    "CREATE TABLE runs (number INTEGER PRIMARY KEY, started TEXT NOT NULL, "
    "settings TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT",
};
constexpr std::size_t kTablesBefore = kSchema.size() - 3;

/// A table of kSchema as `schema` has it.
std::string table_of(std::string_view sql, std::int64_t schema) {
  std::string text(sql);
  const std::string column = ", " + std::string(kVerdictColumn);
  const std::size_t at = text.find(column);
  if (schema == kSchemaBefore && at != std::string::npos) text.erase(at, column.size());
  return text;
}

std::filesystem::path with_folder(const std::filesystem::path& path) {
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (error) {
    throw StoreError(fmt::format("the folder of the study '{}' cannot be made: {}", path.string(),
                                 error.message()));
  }
  return path;
}

}  // namespace

SqliteStudy::SqliteStudy(const std::filesystem::path& path, Database::Mode mode)
    : database_(path, mode) {}

std::unique_ptr<SqliteStudy> SqliteStudy::open(const std::filesystem::path& path) {
  const auto none = [&](const char* why) {
    return StoreError(fmt::format("there is no study '{}'{}", path.string(), why));
  };
  if (!std::filesystem::is_regular_file(path)) throw none("");
  std::unique_ptr<SqliteStudy> study(new SqliteStudy(path, Database::Mode::read));
  if (study->untouched()) {
    throw none(
        " yet: the file is there, but the first 'ask' or 'search' did not come to its end; "
        "run it again");
  }
  study->load();
  return study;
}

std::unique_ptr<SqliteStudy> SqliteStudy::find(const std::filesystem::path& path) {
  std::error_code unknown;
  if (!std::filesystem::exists(path, unknown)) return nullptr;
  std::unique_ptr<SqliteStudy> study(new SqliteStudy(path, Database::Mode::write));
  if (study->untouched()) return nullptr;
  study->database_.execute("PRAGMA synchronous = FULL");
  study->load();
  return study;
}

std::unique_ptr<SqliteStudy> SqliteStudy::create(const std::filesystem::path& path,
                                                 const StudyHeader& header) {
  std::unique_ptr<SqliteStudy> study(new SqliteStudy(with_folder(path), Database::Mode::create));
  study->database_.execute("PRAGMA synchronous = FULL");
  if (study->untouched()) study->make(header);
  study->load();
  check_same(path, study->header_, header);
  return study;
}

bool SqliteStudy::untouched() {
  const Snapshot snapshot(database_);
  return database_.integer("SELECT count(*) FROM sqlite_schema") == 0 &&
         database_.integer("PRAGMA application_id") == 0;
}

void SqliteStudy::make(StudyHeader header) {
  database_.use_write_ahead_log();
  {
    Transaction transaction(database_);
    if (database_.integer("SELECT count(*) FROM sqlite_schema") > 0) return;  // made meanwhile
    for (const char* sql : kSchema) database_.execute(sql);
    database_.execute(fmt::format("PRAGMA application_id = {}", kApplicationId));
    database_.execute(fmt::format("PRAGMA user_version = {}", kSchemaVersion));
    if (header.created.empty()) header.created = utc_now();
    const std::string text = dump(to_json(header));
    Statement(database_, "INSERT INTO study VALUES (1, ?, ?)")
        .bind(text)
        .bind(row_checksum(text))
        .step();
    write_tally(database_, {});
    transaction.commit();
  }
  database_.empty_log();
}

bool SqliteStudy::has_its_tables(std::int64_t schema) {
  Statement row(database_, "SELECT sql FROM sqlite_schema ORDER BY rowid");
  const std::size_t count = schema == kSchemaBefore ? kTablesBefore : kSchema.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (!row.step() || row.text(0) != table_of(kSchema[i], schema)) return false;
  }
  return !row.step();
}

bool SqliteStudy::is_current() {
  current_ = current_ || database_.integer("PRAGMA user_version") == kSchemaVersion;
  return current_;
}

StudyChange SqliteStudy::change() {
  if (!is_current()) {
    Transaction transaction(database_);
    if (!is_current()) {
      database_.execute(fmt::format("ALTER TABLE trials ADD COLUMN {}", kVerdictColumn));
      for (std::size_t i = kTablesBefore; i < kSchema.size(); ++i) database_.execute(kSchema[i]);
      database_.execute(fmt::format("PRAGMA user_version = {}", kSchemaVersion));
    }
    transaction.commit();
    current_ = true;
  }
  return StudyChange(database_);
}

void SqliteStudy::load() {
  const Snapshot snapshot(database_);
  if (database_.integer("PRAGMA application_id") != kApplicationId) {
    throw StoreError(fmt::format("'{}' is a database but not a study; name another file",
                                 database_.path().string()));
  }
  const std::int64_t schema = database_.integer("PRAGMA user_version");
  if (schema != kSchemaVersion && schema != kSchemaBefore) {
    throw StoreError(
        fmt::format("the study '{}' has schema {}, this program reads schemas {} and {}; use the "
                    "program that made it",
                    database_.path().string(), schema, kSchemaBefore, kSchemaVersion));
  }
  if (!has_its_tables(schema)) {
    database_.damaged("its tables are not those that it was made with, or there are others");
  }
  const std::string integrity = database_.text("PRAGMA integrity_check(1)");
  if (integrity != "ok") database_.damaged(integrity);

  Statement row(database_, "SELECT header, checksum FROM study");
  if (!row.step()) database_.damaged("its header is missing");
  const std::string text = row.text(0);
  if (row_checksum(text) != row.integer(1)) {
    database_.damaged("the checksum of its header does not match");
  }
  try {
    header_ = header_from_json(nlohmann::json::parse(text));
  } catch (const nlohmann::json::exception&) {
    database_.damaged("its header cannot be read");
  } catch (const DataError& error) {
    database_.damaged(error.what());
  }
  check_rows();
}

void SqliteStudy::check_rows() {
  const Tally tally = read_tally(database_);
  std::uint64_t content = read_trials("TRUE");
  if (static_cast<std::int64_t>(trials_.size()) != tally.trials) {
    database_.damaged(fmt::format("{} trials are there of the {} that were recorded",
                                  trials_.size(), tally.trials));
  }
  if (revision_ > tally.revision) {
    database_.damaged("a trial was changed after the last change of the study");
  }
  Statement epochs(database_, select_epochs("TRUE"));
  while (epochs.step()) content += static_cast<std::uint64_t>(epoch_of(database_, epochs).checksum);
  Statement models(database_, "SELECT checksum FROM models");
  while (models.step()) content += static_cast<std::uint64_t>(models.integer(0));
  if (is_current()) {
    Statement steps(database_, select_steps("TRUE"));
    while (steps.step()) {
      content +=
          static_cast<std::uint64_t>(step_of(database_, steps, header_.objectives.size()).checksum);
    }
    runs();  // refuses what cannot be read
    Statement run_rows(database_, "SELECT checksum FROM runs");
    while (run_rows.step()) content += static_cast<std::uint64_t>(run_rows.integer(0));
  }
  if (content != tally.content) {
    database_.damaged("some of its rows are gone, or older than others");
  }
}

}  // namespace paretiny::study
