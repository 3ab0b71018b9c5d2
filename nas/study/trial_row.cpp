#include "nas/study/trial_row.h"

#include <fmt/format.h>

#include <limits>

#include "kernels/error.h"
#include "nas/pareto/pareto.h"
#include "nas/study/sqlite_study.h"
#include "nas/study/study_json.h"

namespace paretiny {
namespace {

TrialState state_from(const std::string& name) {
  for (int i = 0; i <= static_cast<int>(TrialState::abandoned); ++i) {
    if (to_string(static_cast<TrialState>(i)) == name) return static_cast<TrialState>(i);
  }
  throw DataError("its state is none of a trial's");
}

double number_or_nan(const nlohmann::json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

Trial parse(const Statement& row) {
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
  return trial;
}

}  // namespace

std::string select_trials(std::string_view condition) {
  return fmt::format(
      "SELECT number, state, parameters, objectives, metrics, reason, architecture, seed, "
      "attempts, owner, lease_until, started, finished, checksum FROM trials WHERE {} "
      "ORDER BY number",
      condition);
}

Trial trial_of(const Statement& rows, std::size_t objectives) {
  Trial trial;
  try {
    trial = parse(rows);
  } catch (const nlohmann::json::exception&) {
    throw DataError("it cannot be read");
  }
  if (row_checksum(dump(to_json(trial))) != rows.integer(13)) {
    throw DataError("its checksum does not match");
  }
  // Whoever reads a trial counts on these.
  if (trial.objectives.size() != objectives) {
    throw DataError(
        fmt::format("it has {} objectives; the study has {}", trial.objectives.size(), objectives));
  }
  if (trial.state == TrialState::done && !all_finite(trial.objectives)) {
    throw DataError("it is done without all objectives");
  }
  if (trial.attempts < 0 || trial.attempts > Study::kMaxAttempts) {
    throw DataError(fmt::format("it was tried {} times, which no trial is", trial.attempts));
  }
  return trial;
}

void save_trial(Database& database, const Trial& trial) {
  Statement(database,
            "INSERT OR REPLACE INTO trials VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
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
      .bind(row_checksum(dump(to_json(trial))))
      .step();
}

}  // namespace paretiny
