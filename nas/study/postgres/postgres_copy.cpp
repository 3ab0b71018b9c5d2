// A study copied into a database.
#include <fmt/core.h>

#include <cmath>

#include "base/error.h"
#include "nas/study/postgres/postgres.h"
#include "nas/study/postgres/schema.h"
#include "nas/study/postgres/statement.h"
#include "nas/study/study_json.h"
#include "nas/study/trial_text.h"

namespace paretiny::study {
namespace postgres {
namespace {

/// Numbers as the text of an array.
template <typename Number>
class Array {
 public:
  void add(Number number) {
    text_ += text_.empty() ? "" : ",";
    if (std::isfinite(static_cast<double>(number))) {
      text_ += fmt::format("{}", number);
    } else if (std::isnan(static_cast<double>(number))) {
      text_ += "NULL";
    } else {
      text_ += number > 0 ? "Infinity" : "-Infinity";
    }
  }
  std::string text() const { return "{" + text_ + "}"; }

 private:
  std::string text_;
};

std::int64_t insert_study(Connection& connection, const Location& location,
                          const StudyHeader& header) {
  const Rows row = connection.run(
      "INSERT INTO paretiny.studies (name, header) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING "
      "RETURNING id",
      Parameters().add(std::string_view(location.name())).add(dump(to_json(header))));
  if (!row.empty()) return row.integer(0, 0);
  throw StoreError(
      fmt::format("the study '{}' is there already; copy to another name", location.text()));
}

void insert_trial(Connection& connection, std::int64_t study, const Trial& trial) {
  static const std::string insert_sql = statement(
      "INSERT INTO paretiny.trials (study, number, state, parameters, objectives, metrics, reason, "
      "architecture, seed, attempts, owner, lease_until, started, finished, verdict, token, seen, "
      "changed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::integer, $11, $12, $13, $14, $15, "
      "$10::integer, "
      "<now>, pg_current_xact_id())");
  const TrialText text = text_of(trial);
  Parameters parameters;
  parameters.add(study).add(text.number).add(std::string_view(text.state));
  for (const std::string* column :
       {&text.parameters, &text.objectives, &text.metrics, &text.reason}) {
    parameters.add(std::string_view(*column));
  }
  parameters.add(text.architecture).add(text.seed).add(text.attempts);
  parameters.add(std::string_view(text.owner)).add(text.lease_until);
  parameters.add(std::string_view(text.started)).add(std::string_view(text.finished));
  if (text.verdict.empty()) {
    parameters.add_null();
  } else {
    parameters.add(std::string_view(text.verdict));
  }
  connection.run(insert_sql, parameters);
}

void insert_epochs(Connection& connection, std::int64_t study, std::int64_t number,
                   const std::vector<EpochRecord>& records) {
  if (records.empty()) return;
  Array<std::int64_t> epochs;
  Array<double> losses;
  Array<double> accuracies;
  Array<double> sparsities;
  for (const EpochRecord& record : records) {
    epochs.add(record.epoch);
    losses.add(record.loss);
    accuracies.add(record.accuracy);
    sparsities.add(record.sparsity);
  }
  connection.run(
      "INSERT INTO paretiny.epochs SELECT $1, $2, * FROM unnest($3::bigint[], $4::float8[], "
      "$5::float8[], $6::float8[])",
      Parameters()
          .add(study)
          .add(number)
          .add(epochs.text())
          .add(losses.text())
          .add(accuracies.text())
          .add(sparsities.text()));
}

void insert_bytes(Connection& connection, std::int64_t study, std::int64_t number, Study& from) {
  const std::vector<std::uint8_t> model = from.model(number);
  if (!model.empty()) {
    connection.run("INSERT INTO paretiny.models VALUES ($1, $2, $3)",
                   Parameters().add(study).add(number).add(std::span(model)));
  }
  const std::vector<std::uint8_t> checkpoint = from.checkpoint(number);
  if (!checkpoint.empty()) {
    connection.run("INSERT INTO paretiny.checkpoints VALUES ($1, $2, $3, $4)",
                   Parameters()
                       .add(study)
                       .add(number)
                       .add(from.checkpoint_epochs(number))
                       .add(std::span(checkpoint)));
  }
}

void fill(Connection& connection, std::int64_t study, Study& from) {
  for (const Trial& trial : from.trials()) {
    insert_trial(connection, study, trial);
    insert_epochs(connection, study, trial.number, from.epochs(trial.number));
    for (const StepRecord& record : from.steps(trial.number)) {
      connection.run(
          "INSERT INTO paretiny.steps VALUES ($1, $2, $3, $4)",
          Parameters().add(study).add(trial.number).add(record.step).add(dump(record.objectives)));
    }
    insert_bytes(connection, study, trial.number, from);
  }
  std::int64_t number = 0;
  for (const RunRecord& run : from.runs()) {
    connection.run("INSERT INTO paretiny.runs VALUES ($1, $2, $3, $4)",
                   Parameters()
                       .add(study)
                       .add(number++)
                       .add(std::string_view(run.started))
                       .add(dump(run.settings)));
  }
}

}  // namespace
}  // namespace postgres

void copy_to_postgres(const Location& location, Study& from) {
  using postgres::Connection;
  Connection connection(location, Connection::Mode::write, std::chrono::seconds(15));
  postgres::make_schema(connection, location);
  postgres::Transaction transaction(connection, "BEGIN");
  from.at_one_moment([&] {
    postgres::fill(connection, postgres::insert_study(connection, location, from.header()), from);
  });
  transaction.commit();
}

}  // namespace paretiny::study
