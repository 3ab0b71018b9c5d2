#include "nas/study/trial_row.h"

#include <fmt/core.h>

#include <limits>

#include "base/error.h"
#include "nas/pareto/pareto.h"
#include "nas/study/study_change.h"
#include "nas/study/study_json.h"

namespace paretiny::study {
namespace {

TrialState state_from(const std::string& name) {
  for (std::size_t i = 0; i < kTrialStates; ++i) {
    if (to_string(static_cast<TrialState>(i)) == name) return static_cast<TrialState>(i);
  }
  throw DataError("its state is none of a trial's");
}

double number_or_nan(const nlohmann::json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

Trial parse(const Statement& row, std::size_t objectives_there) {
  Trial trial;
  trial.number = row.integer(0);
  trial.state = state_from(row.text(1));
  trial.values = values_from_json(nlohmann::json::parse(row.text(2)));
  const auto objectives = nlohmann::json::parse(row.text(3));
  for (const auto& value : objectives) {
    trial.objectives.push_back(number_or_nan(value));
  }
  const auto metrics = nlohmann::json::parse(row.text(4));
  for (const auto& [name, value] : metrics.items()) {
    trial.metrics[name] = number_or_nan(value);
  }
  trial.reason = row.text(5);
  trial.architecture = static_cast<std::uint64_t>(row.integer(6));
  trial.seed = static_cast<std::uint64_t>(row.integer(7));
  trial.attempts = static_cast<int>(row.integer(8));
  trial.owner = row.text(9);
  trial.lease_until = row.integer(10);
  trial.started = row.text(11);
  trial.finished = row.text(12);
  const std::string verdict = row.text(15);
  if (!verdict.empty()) {
    trial.verdict = verdict_from_json(nlohmann::json::parse(verdict), objectives_there);
  }
  return trial;
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
  TrialRow row;
  try {
    row = {parse(rows, objectives), rows.integer(13), rows.integer(14)};
  } catch (const nlohmann::json::exception&) {
    throw DataError("it cannot be read");
  }
  const Trial& trial = row.trial;
  if (trial_checksum(trial, row.revision) != row.checksum) {
    throw DataError("its checksum does not match");
  }
  // Whoever reads a trial counts on these.
  if (trial.objectives.size() != objectives) {
    throw DataError(
        fmt::format("it has {} objectives; the study has {}", trial.objectives.size(), objectives));
  }
  if (trial.state == TrialState::done && !pareto::all_finite(trial.objectives)) {
    throw DataError("it is done without all objectives");
  }
  if (trial.state == TrialState::stopped && !trial.verdict) {
    throw DataError("it was stopped without a verdict");
  }
  if (trial.attempts < 0 || trial.attempts > Study::kMaxAttempts) {
    throw DataError(fmt::format("it was tried {} times, which no trial is", trial.attempts));
  }
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
  Statement(database,
            "INSERT OR REPLACE INTO trials VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .bind(trial.number)
      .bind(to_string(trial.state))
      .bind(dump(values_to_json(trial.values)))
      .bind(dump(trial.objectives))
      .bind(dump(trial.metrics))
      .bind(trial.reason)
      .bind(static_cast<std::int64_t>(trial.architecture))
      .bind(static_cast<std::int64_t>(trial.seed))
      .bind(std::int64_t{trial.attempts})
      .bind(trial.owner)
      .bind(trial.lease_until)
      .bind(trial.started)
      .bind(trial.finished)
      .bind(revision)
      .bind(checksum)
      .bind(trial.verdict ? dump(to_json(*trial.verdict)) : std::string())
      .step();
  return checksum;
}

}  // namespace paretiny::study
