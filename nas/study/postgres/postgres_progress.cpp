// What a study of a database keeps of trials under way, and of runs.
#include <fmt/core.h>

#include "base/error.h"
#include "nas/study/postgres/postgres_study.h"
#include "nas/study/postgres/statement.h"
#include "nas/study/study_json.h"
#include "nas/study/trial_text.h"

namespace paretiny::study::postgres {
namespace {

/// The trial's row is locked while something is kept of it, so that nobody takes it meanwhile; and
/// that is a sign of life.
const std::string kWithHeld =
    "WITH held AS (UPDATE paretiny.trials SET seen = <now> WHERE <held> RETURNING number) ";

}  // namespace

bool PostgresStudy::add_epoch(std::int64_t number, const std::string& owner,
                              const EpochRecord& record) {
  static const std::string add_epoch_sql = statement(
      kWithHeld +
      "INSERT INTO paretiny.epochs SELECT $1, held.number, $5::bigint, $6::float8, $7::float8, "
      "$8::float8 FROM held ON CONFLICT (study, trial, epoch) DO UPDATE SET loss = excluded.loss, "
      "accuracy = excluded.accuracy, sparsity = excluded.sparsity RETURNING trial");
  return change(add_epoch_sql, of_holder(number, owner)
                                   .add(std::int64_t{record.epoch})
                                   .add(record.loss)
                                   .add(record.accuracy)
                                   .add(record.sparsity));
}

bool PostgresStudy::add_step(std::int64_t number, const std::string& owner,
                             const StepRecord& record) {
  static const std::string add_step_sql =
      statement(kWithHeld +
                "INSERT INTO paretiny.steps SELECT $1, held.number, $5::bigint, $6::json FROM held "
                "ON CONFLICT (study, trial, step) DO UPDATE SET objectives = excluded.objectives "
                "RETURNING trial");
  check_step(number, record, header_.objectives.size());
  return change(add_step_sql,
                of_holder(number, owner).add(record.step).add(dump(record.objectives)));
}

bool PostgresStudy::decide(std::int64_t number, const std::string& owner,
                           const stopping::StopVerdict& verdict) {
  static const std::string decide_sql = statement(
      "UPDATE paretiny.trials SET verdict = $5::json, seen = <now>, "
      "changed = pg_current_xact_id() WHERE <held> RETURNING number");
  return change(decide_sql, of_holder(number, owner).add(dump(to_json(verdict))));
}

bool PostgresStudy::keep_checkpoint(std::int64_t number, const std::string& owner,
                                    std::int64_t epochs, std::span<const std::uint8_t> checkpoint) {
  static const std::string keep_sql = statement(
      kWithHeld +
      "INSERT INTO paretiny.checkpoints SELECT $1, held.number, $5::bigint, $6::bytea FROM held "
      "ON CONFLICT (study, trial) DO UPDATE SET epochs = excluded.epochs, "
      "checkpoint = excluded.checkpoint RETURNING trial");
  return change(keep_sql, of_holder(number, owner).add(epochs).add(checkpoint));
}

bool PostgresStudy::begin_anew(std::int64_t number, const std::string& owner) {
  static const std::string begin_anew_sql =
      statement(kWithHeld +
                ", dropped AS (DELETE FROM paretiny.checkpoints USING held "
                "WHERE study = $1 AND trial = held.number), "
                "forgotten AS (DELETE FROM paretiny.epochs USING held "
                "WHERE study = $1 AND trial = held.number) SELECT number FROM held");
  return change(begin_anew_sql, of_holder(number, owner));
}

Trial PostgresStudy::reopen(std::int64_t number, const Lease& lease) {
  static const std::string find_sql =
      statement("SELECT <trial> FROM paretiny.trials WHERE study = $1 AND number = $2 FOR UPDATE");
  static const std::string reopen_sql = statement(
      "UPDATE paretiny.trials SET state = 'running', owner = $3, token = token + 1, "
      "attempts = $4::integer + 1, lease_until = <now> + $5::bigint, seen = <now>, "
      "started = <stamp>, finished = $6, reason = $7, verdict = $8::json, "
      "changed = pg_current_xact_id() WHERE study = $1 AND number = $2 RETURNING <trial>");
  static const std::string forget_sql =
      "DELETE FROM paretiny.epochs WHERE study = $1 AND trial = $2 AND epoch > coalesce((SELECT "
      "greatest(0, epochs) FROM paretiny.checkpoints WHERE study = $1 AND trial = $2), 0)";
  const Parameters which = Parameters().add(id_).add(number);
  return server_.run([&](Connection& connection, bool again) {
    if (again) {
      if (std::optional<Trial> had = unheard(connection, lease.owner)) return *had;
    }
    Transaction transaction(connection, "BEGIN");
    const Rows found = connection.run(find_sql, which);
    if (found.empty()) {
      const Rows count = connection.run("SELECT count(*) FROM paretiny.trials WHERE study = $1",
                                        Parameters().add(id_));
      throw UsageError(
          fmt::format("there is no trial {}: the study has {}", number, count.integer(0, 0)));
    }
    Trial trial = trial_at(found, 0);
    make_wanted(trial);
    const TrialText text = text_of(trial);
    const Rows rows = connection.run(reopen_sql, Parameters()
                                                     .add(id_)
                                                     .add(number)
                                                     .add(std::string_view(lease.owner))
                                                     .add(text.attempts)
                                                     .add(std::int64_t{lease.time.count()})
                                                     .add(std::string_view(text.finished))
                                                     .add(std::string_view(text.reason))
                                                     .add(std::string_view(text.verdict)));
    connection.run(forget_sql, which);
    transaction.commit();
    return taken(rows, lease.owner);
  });
}

bool PostgresStudy::add_run(const std::map<std::string, std::string>& settings) {
  static const std::string add_run_sql = statement(
      "INSERT INTO paretiny.runs SELECT $1, coalesce(max(number) + 1, 0), <stamp>, $2::json "
      "FROM paretiny.runs WHERE study = $1 ON CONFLICT (study, number) DO NOTHING RETURNING "
      "number");
  while (true) {
    const std::vector<RunRecord> before = runs();
    if (!before.empty() && before.back().settings == settings) return false;
    // Nothing where another run took the number: what it says counts.
    if (!run(add_run_sql, Parameters().add(id_).add(dump(settings))).empty()) return true;
  }
}

}  // namespace paretiny::study::postgres
