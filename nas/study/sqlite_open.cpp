#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <sstream>
#include <system_error>
#include <utility>

#include "engine/one_line.h"
#include "kernels/error.h"
#include "nas/study/sqlite_study.h"
#include "nas/study/study_json.h"

namespace paretiny {
namespace {

constexpr std::int64_t kApplicationId = 0x50415254;  // "PART"
constexpr std::int64_t kSchemaVersion = 2;
constexpr std::array kSchema = {
    "CREATE TABLE study (id INTEGER PRIMARY KEY CHECK (id = 1), header TEXT NOT NULL, "
    "checksum INTEGER NOT NULL) STRICT",
    "CREATE TABLE trials (number INTEGER PRIMARY KEY, state TEXT NOT NULL, "
    "parameters TEXT NOT NULL, objectives TEXT NOT NULL, metrics TEXT NOT NULL, "
    "reason TEXT NOT NULL, architecture INTEGER NOT NULL, seed INTEGER NOT NULL, "
    "attempts INTEGER NOT NULL, owner TEXT NOT NULL, lease_until INTEGER NOT NULL, "
    "started TEXT NOT NULL, finished TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT",
    "CREATE TABLE epochs (trial INTEGER NOT NULL, epoch INTEGER NOT NULL, loss REAL, "
    "accuracy REAL, sparsity REAL, checksum INTEGER NOT NULL, "
    "PRIMARY KEY (trial, epoch)) STRICT, WITHOUT ROWID",
    // A model carries a checksum of its own.
    "CREATE TABLE models (trial INTEGER PRIMARY KEY, model BLOB NOT NULL) STRICT",
};

std::filesystem::path with_folder(const std::filesystem::path& path) {
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (error) {
    throw StoreError(fmt::format("the folder of the study '{}' cannot be made: {}", path.string(),
                                 error.message()));
  }
  return path;
}

std::filesystem::path existing(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path)) {
    throw StoreError(fmt::format("there is no study '{}'", path.string()));
  }
  return path;
}

/// "1.2.3" as numbers that compare.
std::vector<int> version_numbers(const std::string& version) {
  std::istringstream text(version);
  std::vector<int> numbers;
  for (int number = 0; text >> number; text.ignore(1)) numbers.push_back(number);
  return numbers;
}

/// Says where two texts differ first: the whole of short ones, else the line.
std::string difference(const std::string& what, const std::string& stored,
                       const std::string& wanted) {
  std::istringstream left(stored);
  std::istringstream right(wanted);
  std::string a;
  std::string b;
  do {
    if (!std::getline(left, a)) a.clear();
    if (!std::getline(right, b)) b.clear();
  } while (a == b && (left || right));
  return one_line(fmt::format("{} is '{}' in the study and '{}' now", what, a, b));
}

std::string objectives_text(const StudyHeader& header) {
  std::string text;
  for (const Objective& objective : header.objectives) {
    text += objective.name;
    if (!objective.unit.empty()) text += fmt::format(" [{}]", objective.unit);
    if (objective.limit) text += fmt::format(" <= {}", *objective.limit);
    if (objective.reference) text += fmt::format(" reference {}", *objective.reference);
    text += "\n";
  }
  return text;
}

std::string constraints_text(const StudyHeader& header) {
  std::string text;
  for (const Constraint& constraint : header.constraints) {
    text += constraint.name;
    if (!constraint.unit.empty()) text += fmt::format(" [{}]", constraint.unit);
    if (constraint.at_least) text += fmt::format(" >= {}", *constraint.at_least);
    if (constraint.at_most) text += fmt::format(" <= {}", *constraint.at_most);
    text += "\n";
  }
  return text;
}

}  // namespace

SqliteStudy::SqliteStudy(const std::filesystem::path& path)
    : database_(existing(path), Database::Mode::read) {
  load();
}

SqliteStudy::SqliteStudy(const std::filesystem::path& path, const StudyHeader& header)
    : database_(with_folder(path), Database::Mode::write) {
  const bool empty = database_.integer("SELECT count(*) FROM sqlite_schema") == 0 &&
                     database_.integer("PRAGMA application_id") == 0;
  database_.execute("PRAGMA synchronous = FULL");
  if (empty) create(header);
  load();
  check_same(header);
}

void SqliteStudy::create(StudyHeader header) {
  database_.use_write_ahead_log();
  Transaction transaction(database_);
  if (database_.integer("SELECT count(*) FROM sqlite_schema") > 0) return;  // another was quicker
  for (const char* sql : kSchema) database_.execute(sql);
  database_.execute(fmt::format("PRAGMA application_id = {}", kApplicationId));
  database_.execute(fmt::format("PRAGMA user_version = {}", kSchemaVersion));
  header.created = utc_now();
  const std::string text = dump(to_json(header));
  Statement(database_, "INSERT INTO study VALUES (1, ?, ?)")
      .bind(text)
      .bind(row_checksum(text))
      .step();
  transaction.commit();
}

bool SqliteStudy::has_its_tables() {
  Statement row(database_, "SELECT sql FROM sqlite_schema ORDER BY rowid");
  for (const char* sql : kSchema) {
    if (!row.step() || row.text(0) != sql) return false;
  }
  return !row.step();
}

void SqliteStudy::load() {
  if (database_.integer("PRAGMA application_id") != kApplicationId) {
    throw StoreError(fmt::format("'{}' is a database but not a study; name another file",
                                 database_.path().string()));
  }
  const std::int64_t schema = database_.integer("PRAGMA user_version");
  if (schema != kSchemaVersion) {
    throw StoreError(fmt::format(
        "the study '{}' has schema {}, this program reads schema {}; use the program that made it",
        database_.path().string(), schema, kSchemaVersion));
  }
  if (!has_its_tables()) {
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
  for (const Trial& trial : trials()) epochs(trial.number);
}

void SqliteStudy::check_same(const StudyHeader& wanted) const {
  if (version_numbers(header_.version) > version_numbers(wanted.version)) {
    throw StoreError(fmt::format(
        "the study '{}' was made by version {}, newer than this program's {}; use version {} or "
        "later",
        database_.path().string(), one_line(header_.version), wanted.version,
        one_line(header_.version)));
  }
  std::vector<std::string> differences;
  const auto compare = [&](const char* what, const std::string& stored, const std::string& now) {
    if (stored != now) differences.push_back(difference(what, stored, now));
  };
  compare("the space", header_.space, wanted.space);
  compare("an objective", objectives_text(header_), objectives_text(wanted));
  compare("a constraint", constraints_text(header_), constraints_text(wanted));
  compare("the task", header_.task, wanted.task);
  compare("the sampler", header_.sampler, wanted.sampler);
  compare("the seed", std::to_string(header_.seed), std::to_string(wanted.seed));
  if (differences.empty()) return;
  throw StoreError(fmt::format(
      "the study '{}' was made for another experiment: {}; restore that, or begin another study in "
      "another file",
      database_.path().string(), fmt::join(differences, "; ")));
}

std::unique_ptr<Study> create_or_open_study(const std::filesystem::path& path,
                                            const StudyHeader& header) {
  return std::make_unique<SqliteStudy>(path, header);
}

std::unique_ptr<Study> open_study(const std::filesystem::path& path) {
  return std::make_unique<SqliteStudy>(path);
}

}  // namespace paretiny
