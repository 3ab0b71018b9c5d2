#include "nas/study/sqlite/trial_row.h"

#include <fmt/core.h>

#include "base/error.h"
#include "nas/study/sqlite/study_change.h"
#include "nas/study/study_json.h"
#include "nas/study/trial_text.h"

namespace paretiny::study {
namespace {

TrialText columns_of(const Statement& row) {
  TrialText text;
  text.number = row.integer(0);
  text.state = row.text(1);
  text.parameters = row.text(2);
  text.objectives = row.text(3);
  text.metrics = row.text(4);
  text.reason = row.text(5);
  text.architecture = row.integer(6);
  text.seed = row.integer(7);
  text.attempts = row.integer(8);
  text.owner = row.text(9);
  text.lease_until = row.integer(10);
  text.started = row.text(11);
  text.finished = row.text(12);
  text.verdict = row.text(15);
  return text;
}

std::int64_t trial_checksum(const Trial& trial, std::int64_t revision) {
  return row_checksum(fmt::format("{} {}", dump(to_json(trial)), revision));
}

}  // namespace

std::string select_trials(std::string_view condition, bool verdicts) {
  // The plus keeps SQLite from reading every trial by number where a few have changed: they are
  // found by their index, and sorted.
  return fmt::format(
      "SELECT number, state, parameters, objectives, metrics, reason, architecture, seed, "
      "attempts, owner, lease_until, started, finished, revision, checksum, {} FROM trials "
      "WHERE {} ORDER BY +number",
      verdicts ? "verdict" : "''", condition);
}

TrialRow trial_of(const Statement& rows, std::size_t objectives) {
  const TrialRow row{trial_from(columns_of(rows), objectives), rows.integer(13), rows.integer(14)};
  if (trial_checksum(row.trial, row.revision) != row.checksum) {
    throw DataError("its checksum does not match");
  }
  check_trial(row.trial, objectives);
  return row;
}

std::string select_epochs(std::string_view condition) {
  return fmt::format(
      "SELECT trial, epoch, loss, accuracy, sparsity, checksum FROM epochs WHERE {} "
      "ORDER BY trial, epoch",
      condition);
}

EpochRow epoch_of(const Database& database, const Statement& rows) {
  const EpochRow row{{static_cast<int>(rows.integer(1)), rows.real(2), rows.real(3), rows.real(4)},
                     rows.integer(5)};
  if (epoch_checksum(rows.integer(0), row.record) != row.checksum) {
    database.damaged(
        fmt::format("the checksum of an epoch of trial {} does not match", rows.integer(0)));
  }
  return row;
}

std::string select_steps(std::string_view condition) {
  return fmt::format(
      "SELECT trial, step, objectives, checksum FROM steps WHERE {} ORDER BY trial, step",
      condition);
}

StepRow step_of(const Database& database, const Statement& rows, std::size_t objectives) {
  const auto refuse = [&](const char* how) {
    database.damaged(fmt::format("a step of trial {} {}", rows.integer(0), how));
  };
  StepRow row{{rows.integer(1), {}}, rows.integer(3)};
  try {
    const auto numbers = nlohmann::json::parse(rows.text(2));
    for (const auto& number : numbers) row.record.objectives.push_back(number_or_nan(number));
  } catch (const nlohmann::json::exception&) {
    refuse("cannot be read");
  }
  if (step_checksum(rows.integer(0), row.record) != row.checksum) {
    refuse("has another checksum");
  }
  if (row.record.objectives.size() != objectives || row.record.step < 1) {
    refuse("is none that a trial could have");
  }
  return row;
}

std::int64_t save_trial(Database& database, const Trial& trial, std::int64_t revision) {
  const std::int64_t checksum = trial_checksum(trial, revision);
  const TrialText text = text_of(trial);
  Statement(database,
            "INSERT OR REPLACE INTO trials VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .bind(text.number)
      .bind(text.state)
      .bind(text.parameters)
      .bind(text.objectives)
      .bind(text.metrics)
      .bind(text.reason)
      .bind(text.architecture)
      .bind(text.seed)
      .bind(text.attempts)
      .bind(text.owner)
      .bind(text.lease_until)
      .bind(text.started)
      .bind(text.finished)
      .bind(revision)
      .bind(checksum)
      .bind(text.verdict)
      .step();
  return checksum;
}

}  // namespace paretiny::study
