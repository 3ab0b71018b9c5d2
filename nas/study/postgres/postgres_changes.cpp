// What workers do to the trials of a study of a database.
#include <fmt/core.h>

#include <limits>

#include "base/error.h"
#include "nas/study/owner.h"
#include "nas/study/postgres/postgres_study.h"
#include "nas/study/postgres/statement.h"
#include "nas/study/study_json.h"
#include "nas/study/trial_text.h"

namespace paretiny::study::postgres {
namespace {

/// How often a claim looks for processes of this machine that are gone.
constexpr std::chrono::milliseconds kLookForDead{500};

}  // namespace

bool PostgresStudy::lost(Connection& connection) {
  const Rows row =
      connection.run("SELECT 1 FROM paretiny.studies WHERE id = $1", Parameters().add(id_));
  if (!row.empty()) return false;
  throw StoreError(
      fmt::format("the study '{}' was deleted while it was worked on", server_.location().text()));
}

Parameters PostgresStudy::of_holder(std::int64_t number, const std::string& owner) const {
  Parameters parameters;
  parameters.add(id_).add(number).add(std::string_view(owner));
  const auto hold = holds_.find(number);
  if (hold == holds_.end() || hold->second.owner != owner) return parameters.add_null();
  return parameters.add(hold->second.token);
}

bool PostgresStudy::change(const std::string& sql, const Parameters& parameters) {
  return server_.run([&](Connection& connection, bool) {
    return !connection.run(sql, parameters).empty() || lost(connection);
  });
}

Trial PostgresStudy::taken(const Rows& rows, const std::string& owner) {
  Trial trial = trial_at(rows, 0);
  holds_[trial.number] = {owner, rows.integer(0, 14)};
  return trial;
}

std::optional<Trial> PostgresStudy::unheard(Connection& connection, const std::string& owner) {
  static const std::string own_sql = statement(
      "SELECT <trial> FROM paretiny.trials WHERE study = $1 AND state = 'running' AND owner = $2 "
      "ORDER BY number");
  const Rows rows = connection.run(own_sql, Parameters().add(id_).add(std::string_view(owner)));
  for (int i = 0; i < rows.size(); ++i) {
    const std::int64_t token = rows.integer(i, 14);
    const auto hold = holds_.find(rows.integer(i, 0));
    if (hold != holds_.end() && hold->second.token == token) continue;
    holds_[rows.integer(i, 0)] = {owner, token};
    return trial_at(rows, i);
  }
  return std::nullopt;
}

std::optional<Trial> PostgresStudy::add_trial(std::int64_t number, const space::Values& values,
                                              std::uint64_t architecture, std::uint64_t seed,
                                              const Lease& lease) {
  static const std::string add_sql = statement(
      "INSERT INTO paretiny.trials AS t (study, number, state, parameters, objectives, metrics, "
      "reason, architecture, seed, attempts, owner, token, lease_until, seen, started, finished, "
      "changed) SELECT $1, $2::bigint, 'running', $3::json, $4::json, '{}', '', $5::bigint, "
      "$6::bigint, 1, $7, 1, <now> + $8::bigint, <now>, <stamp>, '', pg_current_xact_id() "
      "WHERE $2::bigint = (SELECT coalesce(max(number) + 1, 0) FROM paretiny.trials "
      "WHERE study = $1) ON CONFLICT (study, number) DO NOTHING RETURNING <trial>");
  check_values(number, values);
  Trial trial;
  trial.values = values;
  trial.objectives.assign(header_.objectives.size(), std::numeric_limits<double>::quiet_NaN());
  const TrialText text = text_of(trial);
  Parameters parameters;
  parameters.add(id_).add(number);
  parameters.add(std::string_view(text.parameters)).add(std::string_view(text.objectives));
  parameters.add(static_cast<std::int64_t>(architecture)).add(static_cast<std::int64_t>(seed));
  parameters.add(std::string_view(lease.owner)).add(std::int64_t{lease.time.count()});
  return server_.run([&](Connection& connection, bool again) -> std::optional<Trial> {
    if (again) {
      std::optional<Trial> added = unheard(connection, lease.owner);
      if (added) return added;
    }
    const Rows rows = connection.run(add_sql, parameters);
    if (!rows.empty()) return taken(rows, lease.owner);
    const Rows count =
        connection.run("SELECT coalesce(max(number) + 1, 0) FROM paretiny.trials WHERE study = $1",
                       Parameters().add(id_));
    if (number > count.integer(0, 0)) {
      throw UsageError(
          fmt::format("trial {} cannot be added: the next is {}", number, count.integer(0, 0)));
    }
    return std::nullopt;
  });
}

std::optional<Trial> PostgresStudy::claim_free(Connection& connection, const Lease& lease,
                                               const Dead& dead) {
  static const std::string claim_sql = statement(
      "WITH free AS (SELECT number FROM paretiny.trials WHERE study = $1 "
      "AND state IN ('waiting', 'running') AND (state = 'waiting' OR lease_until <= <now> "
      "OR (number = $6::bigint AND token = $7::bigint)) "
      "ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED), "
      "taken AS (UPDATE paretiny.trials t SET "
      "state = CASE WHEN attempts < $4::integer THEN 'running' ELSE 'failed' END, "
      "owner = CASE WHEN attempts < $4::integer THEN $2 ELSE owner END, "
      "token = CASE WHEN attempts < $4::integer THEN token + 1 ELSE token END, "
      "lease_until = CASE WHEN attempts < $4::integer THEN <now> + $3::bigint ELSE 0 END, "
      "started = CASE WHEN attempts < $4::integer THEN <stamp> ELSE started END, "
      "finished = CASE WHEN attempts < $4::integer THEN '' ELSE <stamp> END, "
      "reason = CASE WHEN attempts < $4::integer THEN reason "
      "ELSE 'its worker died ' || attempts || ' times' END, "
      "verdict = CASE WHEN attempts >= $4::integer OR verdict ->> 'reason' = $5 THEN verdict END, "
      "attempts = CASE WHEN attempts < $4::integer THEN attempts + 1 ELSE attempts END, "
      "seen = <now>, changed = pg_current_xact_id() "
      "FROM free WHERE t.study = $1 AND t.number = free.number RETURNING t.*), "
      "forgotten AS (DELETE FROM paretiny.epochs e USING taken WHERE e.study = $1 "
      "AND e.trial = taken.number AND taken.state = 'running' AND e.epoch > coalesce("
      "(SELECT greatest(0, c.epochs) FROM paretiny.checkpoints c "
      "WHERE c.study = $1 AND c.trial = taken.number), 0)), "
      "dropped AS (DELETE FROM paretiny.checkpoints c USING taken WHERE c.study = $1 "
      "AND c.trial = taken.number AND taken.state = 'failed') "
      "SELECT <trial> FROM taken");
  Parameters parameters;
  parameters.add(id_).add(std::string_view(lease.owner)).add(std::int64_t{lease.time.count()});
  parameters.add(std::int64_t{kMaxAttempts}).add(name_of(stopping::StopReason::wanted));
  if (dead) {
    parameters.add(dead->first).add(dead->second);
  } else {
    parameters.add_null().add_null();
  }
  while (true) {
    const Rows rows = connection.run(claim_sql, parameters);
    if (rows.empty()) return std::nullopt;
    if (rows.text(0, 1) == to_string(TrialState::running)) return taken(rows, lease.owner);
  }
}

std::optional<Trial> PostgresStudy::claim_of_the_dead(Connection& connection, const Lease& lease) {
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_for_dead_ < kLookForDead) return std::nullopt;
  looked_for_dead_ = now;
  const std::string here = owners_here();
  const Rows rows = connection.run(
      "SELECT number, token, owner FROM paretiny.trials WHERE study = $1 AND state = 'running' "
      "AND left(owner, $2::integer) = $3 ORDER BY number",
      Parameters()
          .add(id_)
          .add(static_cast<std::int64_t>(here.size()))
          .add(std::string_view(here)));
  for (int i = 0; i < rows.size(); ++i) {
    if (!owner_gone(rows.text(i, 2))) continue;
    std::optional<Trial> trial =
        claim_free(connection, lease, std::pair(rows.integer(i, 0), rows.integer(i, 1)));
    looked_for_dead_ = {};  // there may be more
    if (trial) return trial;
  }
  return std::nullopt;
}

std::optional<Trial> PostgresStudy::claim(const Lease& lease) {
  return server_.run([&](Connection& connection, bool again) -> std::optional<Trial> {
    if (again) {
      std::optional<Trial> had = unheard(connection, lease.owner);
      if (had) return had;
    }
    std::optional<Trial> trial = claim_free(connection, lease, {});
    return trial ? trial : claim_of_the_dead(connection, lease);
  });
}

bool PostgresStudy::renew(std::int64_t number, const Lease& lease) {
  static const std::string renew_sql = statement(
      "UPDATE paretiny.trials SET lease_until = <now> + $5::bigint, seen = <now> WHERE <held> "
      "RETURNING number");
  return change(renew_sql, of_holder(number, lease.owner).add(std::int64_t{lease.time.count()}));
}

bool PostgresStudy::release(std::int64_t number, const std::string& owner) {
  static const std::string release_sql = statement(
      "UPDATE paretiny.trials SET state = 'waiting', attempts = attempts - 1, lease_until = 0, "
      "changed = pg_current_xact_id() WHERE <held> RETURNING number");
  static const std::string released_sql =
      "SELECT 1 FROM paretiny.trials WHERE study = $1 AND number = $2 AND state = 'waiting' "
      "AND owner = $3 AND token = coalesce($4::bigint, token)";
  const Parameters parameters = of_holder(number, owner);
  const bool held = server_.run([&](Connection& connection, bool again) {
    return !connection.run(release_sql, parameters).empty() ||
           (again && !connection.run(released_sql, parameters).empty()) || lost(connection);
  });
  if (held) holds_.erase(number);
  return held;
}

bool PostgresStudy::conclude(std::int64_t number, const std::string& owner, TrialState end,
                             const TrialResult& result) {
  static const std::string end_sql = statement(
      "WITH ended AS (UPDATE paretiny.trials SET state = $5, "
      "objectives = coalesce($6::json, objectives), metrics = $7::json, reason = $8, "
      "verdict = coalesce($9::json, verdict), lease_until = 0, seen = <now>, finished = <stamp>, "
      "changed = pg_current_xact_id() WHERE <held> RETURNING number), "
      "dropped AS (DELETE FROM paretiny.checkpoints USING ended "
      "WHERE study = $1 AND trial = ended.number), "
      "kept AS (INSERT INTO paretiny.models SELECT $1, ended.number, $10::bytea FROM ended "
      "WHERE $10::bytea IS NOT NULL "
      "ON CONFLICT (study, trial) DO UPDATE SET model = excluded.model) "
      "SELECT number FROM ended");
  static const std::string ended_sql =
      "SELECT 1 FROM paretiny.trials WHERE study = $1 AND number = $2 AND owner = $3 "
      "AND token = coalesce($4::bigint, token) AND state = $5 AND metrics::text = $6";
  check_result(number, end, result, header_.objectives.size());
  const std::string metrics = dump(result.metrics);
  Parameters parameters = of_holder(number, owner);
  parameters.add(to_string(end));
  result.objectives.empty() ? parameters.add_null() : parameters.add(dump(result.objectives));
  parameters.add(std::string_view(metrics)).add(std::string_view(result.reason));
  result.verdict ? parameters.add(dump(to_json(*result.verdict))) : parameters.add_null();
  result.model.empty() ? parameters.add_null() : parameters.add(std::span(result.model));
  const Parameters whose = of_holder(number, owner).add(to_string(end)).add(metrics);
  const bool held = server_.run([&](Connection& connection, bool again) {
    return !connection.run(end_sql, parameters).empty() ||
           (again && !connection.run(ended_sql, whose).empty()) || lost(connection);
  });
  if (held) holds_.erase(number);
  return held;
}

}  // namespace paretiny::study::postgres
