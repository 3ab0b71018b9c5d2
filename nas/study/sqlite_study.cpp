#include "nas/study/sqlite_study.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "kernels/error.h"
#include "nas/pareto/pareto.h"
#include "nas/study/owner.h"
#include "nas/study/study_json.h"
#include "nas/study/trial_row.h"

namespace paretiny {
namespace {

std::int64_t unix_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::int64_t epoch_checksum(std::int64_t trial, const EpochRecord& record) {
  return row_checksum(dump({trial, record.epoch, record.loss, record.accuracy, record.sparsity}));
}

}  // namespace

std::vector<Trial> SqliteStudy::select(std::string_view condition) {
  Statement rows(database_, select_trials(condition));
  std::vector<Trial> trials;
  while (rows.step()) {
    try {
      trials.push_back(trial_of(rows, header_.objectives.size()));
    } catch (const DataError& error) {
      database_.damaged(fmt::format("trial {}: {}", rows.integer(0), error.what()));
    }
  }
  return trials;
}

std::optional<Trial> SqliteStudy::held(std::int64_t number, const std::string& owner) {
  std::vector<Trial> found = select(fmt::format("number = {} AND state = 'running'", number));
  if (found.empty() || found.front().owner != owner) return std::nullopt;
  return std::move(found.front());
}

std::vector<Trial> SqliteStudy::trials() {
  std::vector<Trial> trials = select("TRUE");
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (trials[i].number != static_cast<std::int64_t>(i)) {
      database_.damaged(fmt::format("it has trial {} in place of trial {}", trials[i].number, i));
    }
  }
  return trials;
}

std::int64_t SqliteStudy::trial_count() {
  return database_.integer("SELECT count(*) FROM trials");
}

std::vector<EpochRecord> SqliteStudy::epochs(std::int64_t number) {
  Statement rows(database_,
                 "SELECT epoch, loss, accuracy, sparsity, checksum FROM epochs WHERE trial = ? "
                 "ORDER BY epoch");
  rows.bind(number);
  std::vector<EpochRecord> records;
  while (rows.step()) {
    records.push_back(
        {static_cast<int>(rows.integer(0)), rows.real(1), rows.real(2), rows.real(3)});
    if (epoch_checksum(number, records.back()) != rows.integer(4)) {
      database_.damaged(fmt::format("the checksum of an epoch of trial {} does not match", number));
    }
  }
  return records;
}

bool SqliteStudy::add_trial(std::int64_t number, const Values& values, std::uint64_t architecture,
                            std::uint64_t seed) {
  for (const auto& [name, value] : values) {
    const double* real = std::get_if<double>(&value);
    if (real && !std::isfinite(*real)) {
      throw UsageError(fmt::format("parameter '{}' of trial {} is not finite", name, number));
    }
  }
  Transaction transaction(database_);
  const std::int64_t count = trial_count();
  if (number < count) return false;
  if (number > count) {
    throw UsageError(fmt::format("trial {} cannot be added: the next is {}", number, count));
  }
  Trial trial;
  trial.number = number;
  trial.values = values;
  trial.objectives.assign(header_.objectives.size(), std::numeric_limits<double>::quiet_NaN());
  trial.architecture = architecture;
  trial.seed = seed;
  save_trial(database_, trial);
  transaction.commit();
  return true;
}

std::optional<Trial> SqliteStudy::claim(const std::string& owner, std::chrono::milliseconds lease) {
  Transaction transaction(database_);
  std::optional<Trial> claimed;
  for (Trial& trial : select("state IN ('waiting', 'running')")) {
    const bool free = trial.state == TrialState::waiting || trial.lease_until <= unix_ms() ||
                      owner_gone(trial.owner);
    if (!free) continue;
    if (trial.attempts >= kMaxAttempts) {
      trial.state = TrialState::failed;
      trial.reason = fmt::format("its worker died {} times", trial.attempts);
      trial.lease_until = 0;
      trial.finished = utc_now();
      save_trial(database_, trial);
      continue;
    }
    trial.state = TrialState::running;
    trial.owner = owner;
    trial.attempts += 1;
    trial.lease_until = unix_ms() + lease.count();
    trial.started = utc_now();
    save_trial(database_, trial);
    Statement(database_, "DELETE FROM epochs WHERE trial = ?").bind(trial.number).step();
    claimed = std::move(trial);
    break;
  }
  transaction.commit();
  return claimed;
}

bool SqliteStudy::renew(std::int64_t number, const std::string& owner,
                        std::chrono::milliseconds lease) {
  Transaction transaction(database_);
  std::optional<Trial> trial = held(number, owner);
  if (!trial) return false;
  trial->lease_until = unix_ms() + lease.count();
  save_trial(database_, *trial);
  transaction.commit();
  return true;
}

bool SqliteStudy::release(std::int64_t number, const std::string& owner) {
  Transaction transaction(database_);
  std::optional<Trial> trial = held(number, owner);
  if (!trial) return false;
  trial->state = TrialState::waiting;
  trial->attempts -= 1;
  trial->lease_until = 0;
  save_trial(database_, *trial);
  transaction.commit();
  return true;
}

bool SqliteStudy::add_epoch(std::int64_t number, const std::string& owner,
                            const EpochRecord& record) {
  Transaction transaction(database_);
  if (!held(number, owner)) return false;
  Statement(database_, "INSERT OR REPLACE INTO epochs VALUES (?, ?, ?, ?, ?, ?)")
      .bind(number)
      .bind(std::int64_t{record.epoch})
      .bind(record.loss)
      .bind(record.accuracy)
      .bind(record.sparsity)
      .bind(epoch_checksum(number, record))
      .step();
  transaction.commit();
  return true;
}

bool SqliteStudy::conclude(std::int64_t number, const std::string& owner, TrialState end,
                           const TrialResult& result) {
  if (end == TrialState::waiting || end == TrialState::running) {
    throw UsageError(fmt::format("trial {} cannot end as {}", number, to_string(end)));
  }
  const std::size_t objectives = header_.objectives.size();
  if ((!result.objectives.empty() || end == TrialState::done) &&
      result.objectives.size() != objectives) {
    throw UsageError(fmt::format("trial {} has {} objectives; the study has {}", number,
                                 result.objectives.size(), objectives));
  }
  if (end == TrialState::done && !all_finite(result.objectives)) {
    throw UsageError(fmt::format("trial {} is done but has an objective not finite", number));
  }
  Transaction transaction(database_);
  std::optional<Trial> trial = held(number, owner);
  if (!trial) return false;
  trial->state = end;
  if (!result.objectives.empty()) trial->objectives = result.objectives;
  trial->metrics = result.metrics;
  trial->reason = result.reason;
  trial->lease_until = 0;
  trial->finished = utc_now();
  save_trial(database_, *trial);
  if (!result.model.empty()) {
    Statement(database_, "INSERT OR REPLACE INTO models VALUES (?, ?)")
        .bind(number)
        .bind(std::span<const std::uint8_t>(result.model))
        .step();
  }
  transaction.commit();
  return true;
}

std::vector<std::uint8_t> SqliteStudy::model(std::int64_t number) {
  Statement row(database_, "SELECT model FROM models WHERE trial = ?");
  row.bind(number);
  return row.step() ? row.bytes(0) : std::vector<std::uint8_t>{};
}

}  // namespace paretiny
