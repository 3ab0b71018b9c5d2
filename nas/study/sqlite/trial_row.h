// A trial as a row of the store. Private to it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "nas/study/sqlite/sqlite.h"
#include "nas/study/study.h"

namespace paretiny::study {

/// The statement whose rows trial_of reads: the trials that match `condition`, by number.
/// `verdicts`: whether the study's schema has them.
std::string select_trials(std::string_view condition, bool verdicts);

/// A row, and the revision of the study that it was last changed in.
struct TrialRow {
  Trial trial;
  std::int64_t revision = 0;
  std::int64_t checksum = 0;
};

/// The row that `rows` is at, of a study of so many objectives. Throws DataError for one that
/// cannot be read, has another checksum, or says what no trial can.
TrialRow trial_of(const Statement& rows, std::size_t objectives);

/// The same of epochs, by trial and epoch.
std::string select_epochs(std::string_view condition);

struct EpochRow {
  EpochRecord record;
  std::int64_t checksum = 0;
};

/// Throws StoreError for a row with another checksum.
EpochRow epoch_of(const Database& database, const Statement& rows);

/// The same of the steps of trials.
std::string select_steps(std::string_view condition);

struct StepRow {
  StepRecord record;
  std::int64_t checksum = 0;
};

/// Of a study of so many objectives. Throws StoreError for a row with another checksum, or that
/// says what none can.
StepRow step_of(const Database& database, const Statement& rows, std::size_t objectives);

/// Writes the row, and returns its checksum.
std::int64_t save_trial(Database& database, const Trial& trial, std::int64_t revision);

}  // namespace paretiny::study
