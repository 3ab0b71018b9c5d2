// Opening a study of a database, and reading it.
#include "nas/study/postgres/postgres_study.h"

#include <fmt/core.h>

#include <utility>

#include "base/error.h"
#include "nas/study/damage.h"
#include "nas/study/postgres/postgres.h"
#include "nas/study/postgres/schema.h"
#include "nas/study/postgres/statement.h"
#include "nas/study/same_study.h"
#include "nas/study/study_json.h"
#include "nas/study/trial_text.h"

namespace paretiny::study {
namespace postgres {

PostgresStudy::PostgresStudy(const Location& location, Connection::Mode mode,
                             const Patience& patience)
    : server_(location, mode, patience) {}

std::unique_ptr<PostgresStudy> PostgresStudy::find(const Location& location, Connection::Mode mode,
                                                   const Patience& patience) {
  std::unique_ptr<PostgresStudy> study(new PostgresStudy(location, mode, patience));
  const bool there = study->server_.run([&](Connection& connection, bool) {
    if (schema_version(connection, location) == 0) return false;
    if (mode == Connection::Mode::write) make_schema(connection, location);
    return true;
  });
  return there && study->load() ? std::move(study) : nullptr;
}

std::unique_ptr<PostgresStudy> PostgresStudy::create(const Location& location,
                                                     const StudyHeader& header,
                                                     const Patience& patience) {
  std::unique_ptr<PostgresStudy> study(
      new PostgresStudy(location, Connection::Mode::write, patience));
  study->server_.run([&](Connection& connection, bool) {
    make_schema(connection, location);
    return true;
  });
  if (!study->load()) {
    StudyHeader made = header;
    made.created = study->run(statement("SELECT <stamp>"), {}).text(0, 0);
    // Whoever is quicker makes it.
    study->run(
        "INSERT INTO paretiny.studies (name, header) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
        Parameters().add(std::string_view(location.name())).add(dump(to_json(made))));
    study->load();
  }
  check_same(location, study->header_, header);
  return study;
}

Rows PostgresStudy::run(const std::string& sql, const Parameters& parameters) {
  return server_.run([&](Connection& connection, bool) { return connection.run(sql, parameters); });
}

bool PostgresStudy::load() {
  const Rows row = run("SELECT id, header FROM paretiny.studies WHERE name = $1",
                       Parameters().add(std::string_view(server_.location().name())));
  if (row.empty()) return false;
  id_ = row.integer(0, 0);
  try {
    header_ = header_from_json(nlohmann::json::parse(row.text(0, 1)));
  } catch (const nlohmann::json::exception&) {
    throw_damaged(server_.location(), "its header cannot be read");
  } catch (const DataError& error) {
    throw_damaged(server_.location(), error.what());
  }
  return true;
}

Trial PostgresStudy::trial_at(const Rows& rows, int row) {
  try {
    const TrialText text{rows.integer(row, 0), rows.text(row, 1),     rows.text(row, 2),
                         rows.text(row, 3),    rows.text(row, 4),     rows.text(row, 5),
                         rows.integer(row, 6), rows.integer(row, 7),  rows.integer(row, 8),
                         rows.text(row, 9),    rows.integer(row, 10), rows.text(row, 11),
                         rows.text(row, 12),   rows.text(row, 13)};
    Trial trial = trial_from(text, header_.objectives.size());
    check_trial(trial, header_.objectives.size());
    return trial;
  } catch (const DataError& error) {
    throw_damaged(server_.location(),
                  fmt::format("trial {}: {}", rows.integer(row, 0), error.what()));
  }
}

const std::vector<Trial>& PostgresStudy::trials() {
  static const std::string changed_sql = statement(
      "SELECT <trial>, pg_snapshot_xmin(pg_current_snapshot()) FROM paretiny.trials "
      "WHERE study = $1 AND changed >= $2::xid8 ORDER BY number");
  // Leases are renewed without a change of the trial.
  static const std::string leases_sql =
      "SELECT t.number, t.lease_until FROM paretiny.studies s LEFT JOIN paretiny.trials t "
      "ON t.study = s.id AND t.state = 'running' WHERE s.id = $1";
  const Rows rows = run(changed_sql, Parameters().add(id_).add(std::string_view(seen_)));
  for (int i = 0; i < rows.size(); ++i) {
    Trial trial = trial_at(rows, i);
    const auto next = static_cast<std::int64_t>(trials_.size());
    if (trial.number > next) {
      throw_damaged(server_.location(),
                    fmt::format("it has trial {} in place of trial {}", trial.number, next));
    }
    if (trial.number == next) trials_.emplace_back();
    trials_[static_cast<std::size_t>(trial.number)] = std::move(trial);
  }
  if (!rows.empty()) seen_ = rows.text(0, 15);
  const Rows leases = run(leases_sql, Parameters().add(id_));
  if (leases.empty()) {
    server_.run([&](Connection& connection, bool) { return lost(connection); });
  }
  for (int i = 0; i < leases.size(); ++i) {
    const auto number = static_cast<std::size_t>(leases.integer(i, 0));
    if (leases.null(i, 0) || number >= trials_.size()) continue;
    Trial& trial = trials_[number];
    if (trial.state == TrialState::running) trial.lease_until = leases.integer(i, 1);
  }
  return trials_;
}

std::string PostgresStudy::identity() {
  const Rows row = run(
      "SELECT system_identifier::text || '/' || oid::text FROM pg_control_system(), pg_database "
      "WHERE datname = current_database()",
      {});
  return fmt::format("postgresql/{}/{}", row.text(0, 0), id_);
}

std::int64_t PostgresStudy::trial_count() {
  return run("SELECT coalesce(max(number) + 1, 0) FROM paretiny.trials WHERE study = $1",
             Parameters().add(id_))
      .integer(0, 0);
}

std::vector<EpochRecord> PostgresStudy::epochs(std::int64_t number) {
  const Rows rows = run(
      "SELECT epoch, loss, accuracy, sparsity FROM paretiny.epochs WHERE study = $1 AND trial = $2 "
      "ORDER BY epoch",
      Parameters().add(id_).add(number));
  std::vector<EpochRecord> records;
  for (int i = 0; i < rows.size(); ++i) {
    records.push_back(
        {static_cast<int>(rows.integer(i, 0)), rows.real(i, 1), rows.real(i, 2), rows.real(i, 3)});
  }
  return records;
}

std::vector<StepRecord> PostgresStudy::steps(std::int64_t number) {
  const Rows rows = run(
      "SELECT step, objectives FROM paretiny.steps WHERE study = $1 AND trial = $2 ORDER BY step",
      Parameters().add(id_).add(number));
  std::vector<StepRecord> records;
  for (int i = 0; i < rows.size(); ++i) {
    StepRecord record{rows.integer(i, 0), {}};
    try {
      const auto numbers = nlohmann::json::parse(rows.text(i, 1));
      for (const auto& value : numbers) record.objectives.push_back(number_or_nan(value));
      check_step(number, record, header_.objectives.size());
    } catch (const std::exception&) {
      throw_damaged(server_.location(),
                    fmt::format("a step of trial {} is none that a trial could have", number));
    }
    records.push_back(std::move(record));
  }
  return records;
}

std::vector<std::uint8_t> PostgresStudy::model(std::int64_t number) {
  const Rows row = run("SELECT model FROM paretiny.models WHERE study = $1 AND trial = $2",
                       Parameters().add(id_).add(number));
  return row.empty() ? std::vector<std::uint8_t>{} : row.bytes(0, 0);
}

std::vector<std::uint8_t> PostgresStudy::checkpoint(std::int64_t number) {
  const Rows row =
      run("SELECT checkpoint FROM paretiny.checkpoints WHERE study = $1 AND trial = $2",
          Parameters().add(id_).add(number));
  return row.empty() ? std::vector<std::uint8_t>{} : row.bytes(0, 0);
}

std::int64_t PostgresStudy::checkpoint_epochs(std::int64_t number) {
  const Rows row =
      run("SELECT greatest(0, epochs) FROM paretiny.checkpoints WHERE study = $1 AND trial = $2",
          Parameters().add(id_).add(number));
  return row.empty() ? 0 : row.integer(0, 0);
}

std::vector<Holder> PostgresStudy::holders() {
  static const std::string holders_sql = statement(
      "SELECT number, owner, started, lease_until - <now>, <now> - seen FROM paretiny.trials "
      "WHERE study = $1 AND state = 'running' ORDER BY number");
  const Rows rows = run(holders_sql, Parameters().add(id_));
  std::vector<Holder> holders;
  for (int i = 0; i < rows.size(); ++i) {
    holders.push_back({rows.integer(i, 0), rows.text(i, 1), rows.text(i, 2),
                       std::chrono::milliseconds(rows.integer(i, 3)),
                       std::chrono::milliseconds(rows.integer(i, 4))});
  }
  return holders;
}

void PostgresStudy::at_one_moment(const std::function<void()>& reading) {
  run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", {});
  server_.in_one_go(true);
  try {
    reading();
    run("COMMIT", {});
  } catch (...) {
    server_.in_one_go(false);
    run("ROLLBACK", {});
    throw;
  }
  server_.in_one_go(false);
}

std::vector<RunRecord> PostgresStudy::runs() {
  const Rows rows =
      run("SELECT started, settings FROM paretiny.runs WHERE study = $1 ORDER BY number",
          Parameters().add(id_));
  std::vector<RunRecord> runs;
  for (int i = 0; i < rows.size(); ++i) {
    RunRecord record{rows.text(i, 0), {}};
    try {
      nlohmann::json::parse(rows.text(i, 1)).get_to(record.settings);
    } catch (const nlohmann::json::exception&) {
      throw_damaged(server_.location(), fmt::format("run {} cannot be read", i));
    }
    runs.push_back(std::move(record));
  }
  return runs;
}

}  // namespace postgres

using postgres::Connection;
using postgres::PostgresStudy;

std::unique_ptr<Study> create_postgres_study(const Location& location, const StudyHeader& header,
                                             const Patience& patience) {
  return PostgresStudy::create(location, header, patience);
}

std::unique_ptr<Study> find_postgres_study(const Location& location, const Patience& patience) {
  return PostgresStudy::find(location, Connection::Mode::write, patience);
}

std::unique_ptr<Study> open_postgres_study(const Location& location, const Patience& patience) {
  std::unique_ptr<Study> study = PostgresStudy::find(location, Connection::Mode::read, patience);
  if (!study) throw StoreError(fmt::format("there is no study '{}'", location.text()));
  return study;
}

std::vector<std::string> postgres_study_names(const Location& location) {
  Connection connection(location, Connection::Mode::read, std::chrono::seconds(15));
  std::vector<std::string> names;
  if (postgres::schema_version(connection, location) == 0) return names;
  const postgres::Rows rows = connection.run("SELECT name FROM paretiny.studies ORDER BY name");
  for (int i = 0; i < rows.size(); ++i) names.push_back(rows.text(i, 0));
  return names;
}

}  // namespace paretiny::study
