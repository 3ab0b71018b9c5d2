// What a store keeps of trials under way: steps, verdicts, checkpoints; and of runs.
#include <fmt/core.h>

#include <algorithm>

#include "base/error.h"
#include "nas/study/sqlite/sqlite_study.h"
#include "nas/study/sqlite/trial_row.h"
#include "nas/study/study_json.h"
#include "nas/study/trial_text.h"

namespace paretiny::study {

std::vector<StepRecord> SqliteStudy::steps(std::int64_t number) {
  std::vector<StepRecord> records;
  if (!is_current()) return records;
  Statement rows(database_, select_steps(fmt::format("trial = {}", number)));
  while (rows.step()) {
    records.push_back(step_of(database_, rows, header_.objectives.size()).record);
  }
  return records;
}

bool SqliteStudy::add_step(std::int64_t number, const std::string& owner,
                           const StepRecord& record) {
  check_step(number, record, header_.objectives.size());
  StudyChange change = this->change();
  if (!held(number, owner)) return false;
  change.save(number, record);
  change.commit(StudyChange::Keep::in_file);
  return true;
}

bool SqliteStudy::decide(std::int64_t number, const std::string& owner,
                         const stopping::StopVerdict& verdict) {
  StudyChange change = this->change();
  std::optional<Trial> trial = held(number, owner);
  if (!trial) return false;
  trial->verdict = verdict;
  change.save(*trial);
  change.commit(StudyChange::Keep::in_log);
  return true;
}

std::vector<std::uint8_t> SqliteStudy::checkpoint(std::int64_t number) {
  if (!is_current()) return {};
  Statement row(database_, "SELECT checkpoint FROM checkpoints WHERE trial = ?");
  row.bind(number);
  return row.step() ? row.bytes(0) : std::vector<std::uint8_t>{};
}

std::int64_t SqliteStudy::checkpoint_epochs(std::int64_t number) {
  if (!is_current()) return 0;
  Statement row(database_, "SELECT epochs FROM checkpoints WHERE trial = ?");
  row.bind(number);
  return row.step() ? std::max<std::int64_t>(0, row.integer(0)) : 0;
}

bool SqliteStudy::keep_checkpoint(std::int64_t number, const std::string& owner,
                                  std::int64_t epochs, std::span<const std::uint8_t> checkpoint) {
  StudyChange change = this->change();
  if (!held(number, owner)) return false;
  change.save_checkpoint(number, epochs, checkpoint);
  change.commit(StudyChange::Keep::in_log);
  return true;
}

bool SqliteStudy::begin_anew(std::int64_t number, const std::string& owner) {
  StudyChange change = this->change();
  if (!held(number, owner)) return false;
  change.forget_checkpoint(number);
  change.forget_epochs(number);
  change.commit(StudyChange::Keep::in_log);
  return true;
}

Trial SqliteStudy::reopen(std::int64_t number, const Lease& lease) {
  StudyChange change = this->change();
  std::optional<Trial> trial = read_trial(number);
  if (!trial) {
    throw UsageError(
        fmt::format("there is no trial {}: the study has {}", number, change.trial_count()));
  }
  make_wanted(*trial);
  begin(*trial, lease);
  change.save(*trial);
  change.forget_epochs(number, checkpoint_epochs(number));
  change.commit(StudyChange::Keep::in_file);
  return *trial;
}

std::vector<RunRecord> SqliteStudy::runs() {
  std::vector<RunRecord> runs;
  if (!is_current()) return runs;
  Statement rows(database_, "SELECT number, started, settings, checksum FROM runs ORDER BY number");
  while (rows.step()) {
    RunRecord run{rows.text(1), {}};
    const std::string settings = rows.text(2);
    if (run_checksum(rows.integer(0), run.started, settings) != rows.integer(3)) {
      database_.damaged(fmt::format("the checksum of run {} does not match", rows.integer(0)));
    }
    try {
      nlohmann::json::parse(settings).get_to(run.settings);
    } catch (const nlohmann::json::exception&) {
      database_.damaged(fmt::format("run {} cannot be read", rows.integer(0)));
    }
    runs.push_back(std::move(run));
  }
  return runs;
}

bool SqliteStudy::add_run(const std::map<std::string, std::string>& settings) {
  StudyChange change = this->change();
  const std::vector<RunRecord> before = runs();
  if (!before.empty() && before.back().settings == settings) return false;
  change.add({utc_now(), settings});
  change.commit(StudyChange::Keep::in_file);
  return true;
}

std::vector<Holder> SqliteStudy::holders() {
  std::vector<Holder> holders;
  for (const Trial& trial : trials()) {
    if (trial.state != TrialState::running) continue;
    holders.push_back({trial.number, trial.owner, trial.started,
                       std::chrono::milliseconds(trial.lease_until - unix_ms())});
  }
  return holders;
}

void SqliteStudy::at_one_moment(const std::function<void()>& reading) {
  const Snapshot snapshot(database_);
  reading();
}

}  // namespace paretiny::study
