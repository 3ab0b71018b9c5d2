#include "nas/study/sqlite/sqlite_study.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "base/error.h"
#include "nas/study/owner.h"
#include "nas/study/sqlite/trial_row.h"
#include "nas/study/trial_text.h"

namespace paretiny::study {
namespace {

void end_trial(Trial& trial, TrialState state) {
  trial.state = state;
  trial.lease_until = 0;
  trial.finished = utc_now();
}

}  // namespace

void SqliteStudy::begin(Trial& trial, const Lease& lease) {
  trial.state = TrialState::running;
  trial.owner = lease.owner;
  trial.attempts += 1;
  trial.lease_until = unix_ms() + lease.time.count();
  trial.started = utc_now();
}

std::uint64_t SqliteStudy::read_trials(std::string_view condition) {
  Statement rows(database_, select_trials(condition, is_current()));
  std::uint64_t content = 0;
  while (rows.step()) {
    try {
      TrialRow row = trial_of(rows, header_.objectives.size());
      const auto next = static_cast<std::int64_t>(trials_.size());
      const std::int64_t number = row.trial.number;
      if (number < 0 || number > next) {
        database_.damaged(fmt::format("it has trial {} in place of trial {}", number, next));
      }
      if (number == next) trials_.emplace_back();
      trials_[static_cast<std::size_t>(number)] = std::move(row.trial);
      revision_ = std::max(revision_, row.revision);
      content += static_cast<std::uint64_t>(row.checksum);
    } catch (const DataError& error) {
      database_.damaged(fmt::format("trial {}: {}", rows.integer(0), error.what()));
    }
  }
  return content;
}

const std::vector<Trial>& SqliteStudy::trials() {
  read_trials(fmt::format("revision > {}", revision_));
  return trials_;
}

std::optional<Trial> SqliteStudy::read_trial(std::int64_t number) {
  Statement rows(database_, select_trials(fmt::format("number = {}", number), is_current()));
  if (!rows.step()) return std::nullopt;
  try {
    return trial_of(rows, header_.objectives.size()).trial;
  } catch (const DataError& error) {
    database_.damaged(fmt::format("trial {}: {}", number, error.what()));
  }
}

std::optional<Trial> SqliteStudy::held(std::int64_t number, const std::string& owner) {
  std::optional<Trial> trial = read_trial(number);
  if (trial && (trial->state != TrialState::running || trial->owner != owner)) return std::nullopt;
  return trial;
}

std::string SqliteStudy::identity() {
  struct stat about {};
  if (::stat(database_.path().c_str(), &about) != 0) {
    throw StoreError(fmt::format("the study '{}' is gone", database_.path().string()));
  }
  return fmt::format("file/{}/{}", about.st_dev, about.st_ino);
}

std::int64_t SqliteStudy::trial_count() {
  return read_tally(database_).trials;
}

std::vector<EpochRecord> SqliteStudy::epochs(std::int64_t number) {
  Statement rows(database_, select_epochs(fmt::format("trial = {}", number)));
  std::vector<EpochRecord> records;
  while (rows.step()) records.push_back(epoch_of(database_, rows).record);
  return records;
}

std::optional<Trial> SqliteStudy::add_trial(std::int64_t number, const space::Values& values,
                                            std::uint64_t architecture, std::uint64_t seed,
                                            const Lease& lease) {
  check_values(number, values);
  StudyChange change = this->change();
  if (number < change.trial_count()) return std::nullopt;
  if (number > change.trial_count()) {
    throw UsageError(
        fmt::format("trial {} cannot be added: the next is {}", number, change.trial_count()));
  }
  Trial trial;
  trial.number = number;
  trial.values = values;
  trial.objectives.assign(header_.objectives.size(), std::numeric_limits<double>::quiet_NaN());
  trial.architecture = architecture;
  trial.seed = seed;
  begin(trial, lease);
  change.save(trial);
  change.commit(StudyChange::Keep::in_file);
  return trial;
}

std::vector<std::int64_t> SqliteStudy::free_trials() {
  Statement rows(database_,
                 "SELECT number, state, lease_until, owner FROM trials INDEXED BY trials_open "
                 "WHERE state IN ('waiting', 'running') ORDER BY number");
  const std::int64_t now = unix_ms();
  std::map<std::string, bool> gone;  // a process is looked for once
  std::vector<std::int64_t> numbers;
  while (rows.step()) {
    bool free = rows.text(1) == to_string(TrialState::waiting) || rows.integer(2) <= now;
    if (!free) {
      const auto [known, added] = gone.try_emplace(rows.text(3));
      if (added) known->second = owner_gone(known->first);
      free = known->second;
    }
    if (free) numbers.push_back(rows.integer(0));
  }
  return numbers;
}

std::optional<Trial> SqliteStudy::claim(const Lease& lease) {
  StudyChange change = this->change();
  const std::vector<std::int64_t> free = free_trials();
  for (const std::int64_t number : free) {
    std::optional<Trial> trial = read_trial(number);
    if (!trial) continue;
    if (trial->attempts < kMaxAttempts) {
      begin(*trial, lease);
      // One that was stopped once is not stopped again.
      if (trial->verdict && trial->verdict->reason != stopping::StopReason::wanted)
        trial->verdict.reset();
      change.save(*trial);
      change.forget_epochs(number, checkpoint_epochs(number));
      change.commit(StudyChange::Keep::in_file);
      return trial;
    }
    trial->reason = fmt::format("its worker died {} times", trial->attempts);
    end_trial(*trial, TrialState::failed);
    change.save(*trial);
    change.forget_checkpoint(number);
  }
  if (!free.empty()) change.commit(StudyChange::Keep::in_file);
  return std::nullopt;
}

bool SqliteStudy::renew(std::int64_t number, const Lease& lease) {
  StudyChange change = this->change();
  std::optional<Trial> trial = held(number, lease.owner);
  if (!trial) return false;
  trial->lease_until = unix_ms() + lease.time.count();
  change.save(*trial);
  change.commit(StudyChange::Keep::in_log);
  return true;
}

bool SqliteStudy::release(std::int64_t number, const std::string& owner) {
  StudyChange change = this->change();
  std::optional<Trial> trial = held(number, owner);
  if (!trial) return false;
  trial->state = TrialState::waiting;
  trial->attempts -= 1;
  trial->lease_until = 0;
  change.save(*trial);
  change.commit(StudyChange::Keep::in_file);
  return true;
}

bool SqliteStudy::add_epoch(std::int64_t number, const std::string& owner,
                            const EpochRecord& record) {
  StudyChange change = this->change();
  if (!held(number, owner)) return false;
  change.save(number, record);
  change.commit(StudyChange::Keep::in_log);
  return true;
}

bool SqliteStudy::conclude(std::int64_t number, const std::string& owner, TrialState end,
                           const TrialResult& result) {
  check_result(number, end, result, header_.objectives.size());
  StudyChange change = this->change();
  std::optional<Trial> trial = held(number, owner);
  if (!trial) return false;
  if (result.verdict) trial->verdict = result.verdict;
  if (!result.objectives.empty()) trial->objectives = result.objectives;
  trial->metrics = result.metrics;
  trial->reason = result.reason;
  end_trial(*trial, end);
  change.save(*trial);
  change.forget_checkpoint(number);
  if (!result.model.empty()) change.save(number, result.model);
  change.commit(StudyChange::Keep::in_file);
  return true;
}

std::vector<std::uint8_t> SqliteStudy::model(std::int64_t number) {
  Statement row(database_, "SELECT checksum, model FROM models WHERE trial = ?");
  row.bind(number);
  if (!row.step()) return {};
  std::vector<std::uint8_t> model = row.bytes(1);
  if (model_checksum(number, model) != row.integer(0)) {
    database_.damaged(fmt::format("the checksum of the model of trial {} does not match", number));
  }
  return model;
}

}  // namespace paretiny::study
