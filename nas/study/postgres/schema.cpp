#include "nas/study/postgres/schema.h"

#include <fmt/core.h>

#include <array>
#include <vector>

namespace paretiny::study::postgres {
namespace {

/// Whoever holds it changes the tables.
constexpr std::int64_t kSchemaLock = 0x50415245;  // "PARE"

/// Version 1: the tables. A trial's row is written often: half-full pages keep its versions
/// together, and what is dead is swept early, so that a claim stays as quick as it was.
constexpr std::array kTables = {
    "CREATE TABLE paretiny.schema (id integer PRIMARY KEY CHECK (id = 1), "
    "version integer NOT NULL)",
    "INSERT INTO paretiny.schema VALUES (1, 1)",
    "CREATE TABLE paretiny.studies (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
    "name text NOT NULL UNIQUE, header json NOT NULL)",
    "CREATE TABLE paretiny.trials ("
    "study bigint NOT NULL REFERENCES paretiny.studies ON DELETE CASCADE, "
    "number bigint NOT NULL CHECK (number >= 0), "
    "state text NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'infeasible', 'failed', "
    "'abandoned', 'stopped')), "
    "parameters json NOT NULL, objectives json NOT NULL, metrics json NOT NULL, "
    "reason text NOT NULL, architecture bigint NOT NULL, seed bigint NOT NULL, "
    "attempts integer NOT NULL, owner text NOT NULL, "
    "token bigint NOT NULL, "        // how often it was ever taken
    "lease_until bigint NOT NULL, "  // Unix time in ms by the server's clock
    "seen bigint NOT NULL, "         // the same, of the holder's last sign of life
    "started text NOT NULL, finished text NOT NULL, verdict json, "
    "changed xid8 NOT NULL, "  // the transaction that changed it last, its lease aside
    "PRIMARY KEY (study, number)) WITH (fillfactor = 50, "
    "autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0.02)",
    "CREATE INDEX trials_changed ON paretiny.trials (study, changed)",
    "CREATE INDEX trials_open ON paretiny.trials (study, number) "
    "WHERE state IN ('waiting', 'running')",
    "CREATE TABLE paretiny.epochs (study bigint NOT NULL, trial bigint NOT NULL, "
    "epoch bigint NOT NULL, loss float8, accuracy float8, sparsity float8, "
    "PRIMARY KEY (study, trial, epoch), "
    "FOREIGN KEY (study, trial) REFERENCES paretiny.trials ON DELETE CASCADE)",
    "CREATE TABLE paretiny.steps (study bigint NOT NULL, trial bigint NOT NULL, "
    "step bigint NOT NULL, objectives json NOT NULL, PRIMARY KEY (study, trial, step), "
    "FOREIGN KEY (study, trial) REFERENCES paretiny.trials ON DELETE CASCADE)",
    "CREATE TABLE paretiny.models (study bigint NOT NULL, trial bigint NOT NULL, "
    "model bytea NOT NULL, PRIMARY KEY (study, trial), "
    "FOREIGN KEY (study, trial) REFERENCES paretiny.trials ON DELETE CASCADE)",
    "CREATE TABLE paretiny.checkpoints (study bigint NOT NULL, trial bigint NOT NULL, "
    "epochs bigint NOT NULL, checkpoint bytea NOT NULL, PRIMARY KEY (study, trial), "
    "FOREIGN KEY (study, trial) REFERENCES paretiny.trials ON DELETE CASCADE)",
    "CREATE TABLE paretiny.runs ("
    "study bigint NOT NULL REFERENCES paretiny.studies ON DELETE CASCADE, number bigint NOT NULL, "
    "started text NOT NULL, settings json NOT NULL, PRIMARY KEY (study, number))",
};

/// Version 2: what people read.
constexpr std::array kViews = {
    "CREATE VIEW paretiny.trial_list AS SELECT s.name AS study, t.number, t.state, t.parameters, "
    "t.metrics, t.reason, t.attempts, t.owner, nullif(t.started, '')::timestamptz AS started, "
    "nullif(t.finished, '')::timestamptz AS finished "
    "FROM paretiny.trials t JOIN paretiny.studies s ON s.id = t.study",
    "CREATE VIEW paretiny.trial_objectives AS SELECT s.name AS study, t.number, t.state, "
    "o.header ->> 'name' AS objective, (t.objectives ->> (o.place - 1)::integer)::float8 AS value, "
    "(o.header ->> 'limit')::float8 AS \"limit\" "
    "FROM paretiny.trials t JOIN paretiny.studies s ON s.id = t.study "
    "CROSS JOIN LATERAL json_array_elements(s.header -> 'objectives') "
    "WITH ORDINALITY AS o (header, place)",
    "CREATE VIEW paretiny.workers AS SELECT s.name AS study, t.number, t.owner, t.attempts, "
    "nullif(t.started, '')::timestamptz AS started, to_timestamp(t.seen / 1000.0) AS seen, "
    "to_timestamp(t.lease_until / 1000.0) AS lease_until "
    "FROM paretiny.trials t JOIN paretiny.studies s ON s.id = t.study WHERE t.state = 'running'",
    "CREATE VIEW paretiny.study_list AS SELECT s.name, count(t.number) AS trials, "
    "count(*) FILTER (WHERE t.state = 'waiting') AS waiting, "
    "count(*) FILTER (WHERE t.state = 'running') AS running, "
    "count(*) FILTER (WHERE t.state = 'done') AS done, "
    "count(*) FILTER (WHERE t.state = 'infeasible') AS infeasible, "
    "count(*) FILTER (WHERE t.state = 'failed') AS failed, "
    "count(*) FILTER (WHERE t.state = 'abandoned') AS abandoned, "
    "count(*) FILTER (WHERE t.state = 'stopped') AS stopped, "
    "s.header ->> 'sampler' AS sampler, (s.header ->> 'created')::timestamptz AS created "
    "FROM paretiny.studies s LEFT JOIN paretiny.trials t ON t.study = s.id "
    "GROUP BY s.id, s.name",
};

/// What brings the version before it to version i + 1.
std::vector<std::string> migration(std::int64_t to) {
  std::vector<std::string> statements;
  if (to == 1) {
    statements.emplace_back("CREATE SCHEMA paretiny");
    statements.insert(statements.end(), kTables.begin(), kTables.end());
  }
  if (to == 2) statements.insert(statements.end(), kViews.begin(), kViews.end());
  return statements;
}

}  // namespace

std::int64_t schema_version(Connection& connection, const Location& location) {
  const auto something_else = [&](const char* how) {
    return StoreError(fmt::format(
        "the database of the study '{}' has a schema 'paretiny' of something else: {}; name "
        "another database",
        location.text(), how));
  };
  const Rows found = connection.run(
      "SELECT (SELECT count(*) FROM pg_namespace WHERE nspname = 'paretiny'), "
      "(SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE "
      "n.nspname = 'paretiny' AND c.relname = 'schema' AND c.relkind = 'r')");
  if (found.integer(0, 0) == 0) return 0;
  if (found.integer(0, 1) == 0) throw something_else("it has no table 'schema'");
  const Rows row = connection.run("SELECT version FROM paretiny.schema");
  if (row.size() != 1) throw something_else("its table 'schema' has not one row");
  const std::int64_t version = row.integer(0, 0);
  if (version >= 1 && version <= kSchema) return version;
  throw StoreError(
      fmt::format("the database of the study '{}' has schema {}, this program reads schemas 1 to "
                  "{}; use the program that made it",
                  location.text(), version, kSchema));
}

void make_schema(Connection& connection, const Location& location) {
  if (schema_version(connection, location) == kSchema) return;
  Transaction transaction(connection, "BEGIN");
  connection.run("SELECT pg_advisory_xact_lock($1)", Parameters().add(kSchemaLock));
  for (std::int64_t to = schema_version(connection, location) + 1; to <= kSchema; ++to) {
    for (const std::string& statement : migration(to)) connection.run(statement);
    connection.run("UPDATE paretiny.schema SET version = $1::integer", Parameters().add(to));
  }
  transaction.commit();
}

}  // namespace paretiny::study::postgres
