#include "nas/study/sqlite/study_change.h"

#include <fmt/core.h>

#include "kernels/core/random.h"
#include "nas/study/sqlite/trial_row.h"
#include "nas/study/study_json.h"

namespace paretiny::study {
namespace {

std::int64_t tally_checksum(const Tally& tally) {
  return row_checksum(dump({tally.revision, tally.trials, tally.content}));
}

/// The checksum of the row that `condition` finds; 0 without one.
std::uint64_t checksum_of(Database& database, const std::string& condition) {
  Statement row(database, "SELECT checksum FROM " + condition);
  return row.step() ? static_cast<std::uint64_t>(row.integer(0)) : 0;
}

}  // namespace

std::int64_t row_checksum(const std::string& text) {
  return static_cast<std::int64_t>(random_key(0, text));
}

std::int64_t epoch_checksum(std::int64_t trial, const EpochRecord& record) {
  return row_checksum(dump({trial, record.epoch, record.loss, record.accuracy, record.sparsity}));
}

std::int64_t step_checksum(std::int64_t trial, const StepRecord& record) {
  return row_checksum(dump({trial, record.step, record.objectives}));
}

std::int64_t run_checksum(std::int64_t number, const std::string& started,
                          const std::string& settings) {
  return row_checksum(dump({number, started, settings}));
}

std::int64_t model_checksum(std::int64_t trial, std::span<const std::uint8_t> model) {
  const std::string_view bytes(reinterpret_cast<const char*>(model.data()), model.size());
  return static_cast<std::int64_t>(random_key(static_cast<std::uint64_t>(trial), bytes));
}

Tally read_tally(Database& database) {
  Statement row(database, "SELECT revision, trials, content, checksum FROM tally");
  if (!row.step()) database.damaged("the tally of its rows is missing");
  const Tally tally{row.integer(0), row.integer(1), static_cast<std::uint64_t>(row.integer(2))};
  if (tally_checksum(tally) != row.integer(3)) {
    database.damaged("the checksum of the tally of its rows does not match");
  }
  if (tally.revision < 0 || tally.revision == INT64_MAX || tally.trials < 0) {
    database.damaged("the tally of its rows is none that a study could have");
  }
  return tally;
}

void write_tally(Database& database, const Tally& tally) {
  Statement(database, "INSERT OR REPLACE INTO tally VALUES (1, ?, ?, ?, ?)")
      .bind(tally.revision)
      .bind(tally.trials)
      .bind(static_cast<std::int64_t>(tally.content))
      .bind(tally_checksum(tally))
      .step();
}

StudyChange::StudyChange(Database& database)
    : database_(database), transaction_(database), tally_(read_tally(database)) {
  ++tally_.revision;
}

void StudyChange::save(const Trial& trial) {
  if (trial.number == tally_.trials) {
    ++tally_.trials;
  } else {
    tally_.content -= checksum_of(database_, fmt::format("trials WHERE number = {}", trial.number));
  }
  tally_.content += static_cast<std::uint64_t>(save_trial(database_, trial, tally_.revision));
}

void StudyChange::save(std::int64_t trial, const EpochRecord& record) {
  tally_.content -= checksum_of(
      database_, fmt::format("epochs WHERE trial = {} AND epoch = {}", trial, record.epoch));
  const std::int64_t checksum = epoch_checksum(trial, record);
  tally_.content += static_cast<std::uint64_t>(checksum);
  Statement(database_, "INSERT OR REPLACE INTO epochs VALUES (?, ?, ?, ?, ?, ?)")
      .bind(trial)
      .bind(std::int64_t{record.epoch})
      .bind(record.loss)
      .bind(record.accuracy)
      .bind(record.sparsity)
      .bind(checksum)
      .step();
}

void StudyChange::save(std::int64_t trial, std::span<const std::uint8_t> model) {
  tally_.content -= checksum_of(database_, fmt::format("models WHERE trial = {}", trial));
  const std::int64_t checksum = model_checksum(trial, model);
  tally_.content += static_cast<std::uint64_t>(checksum);
  Statement(database_, "INSERT OR REPLACE INTO models VALUES (?, ?, ?)")
      .bind(trial)
      .bind(checksum)
      .bind(model)
      .step();
}

void StudyChange::save(std::int64_t trial, const StepRecord& record) {
  tally_.content -= checksum_of(
      database_, fmt::format("steps WHERE trial = {} AND step = {}", trial, record.step));
  const std::int64_t checksum = step_checksum(trial, record);
  tally_.content += static_cast<std::uint64_t>(checksum);
  Statement(database_, "INSERT OR REPLACE INTO steps VALUES (?, ?, ?, ?)")
      .bind(trial)
      .bind(record.step)
      .bind(dump(record.objectives))
      .bind(checksum)
      .step();
}

void StudyChange::save_checkpoint(std::int64_t trial, std::int64_t epochs,
                                  std::span<const std::uint8_t> checkpoint) {
  Statement(database_, "INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?)")
      .bind(trial)
      .bind(epochs)
      .bind(checkpoint)
      .step();
}

void StudyChange::add(const RunRecord& run) {
  const std::int64_t number = database_.integer("SELECT coalesce(max(number) + 1, 0) FROM runs");
  const std::string settings = dump(run.settings);
  const std::int64_t checksum = run_checksum(number, run.started, settings);
  tally_.content += static_cast<std::uint64_t>(checksum);
  Statement(database_, "INSERT INTO runs VALUES (?, ?, ?, ?)")
      .bind(number)
      .bind(run.started)
      .bind(settings)
      .bind(checksum)
      .step();
}

void StudyChange::forget_epochs(std::int64_t trial, std::int64_t kept) {
  Statement rows(database_, "SELECT checksum FROM epochs WHERE trial = ? AND epoch > ?");
  rows.bind(trial).bind(kept);
  while (rows.step()) tally_.content -= static_cast<std::uint64_t>(rows.integer(0));
  Statement(database_, "DELETE FROM epochs WHERE trial = ? AND epoch > ?")
      .bind(trial)
      .bind(kept)
      .step();
}

void StudyChange::forget_checkpoint(std::int64_t trial) {
  Statement(database_, "DELETE FROM checkpoints WHERE trial = ?").bind(trial).step();
}

void StudyChange::commit(Keep keep) {
  write_tally(database_, tally_);
  transaction_.commit();
  if (keep == Keep::in_file) database_.empty_log();
}

}  // namespace paretiny::study
