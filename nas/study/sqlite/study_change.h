// One change of a study's rows. Private to its store.
//
// Every row carries a checksum of its content, since SQLite itself notices damage of its structure
// only. That tells nothing of a row that is gone, so the tally counts the trials and adds up the
// checksums of all rows. It also counts the changes: the revision, which a trial's row keeps.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "nas/study/sqlite/sqlite.h"
#include "nas/study/study.h"

namespace paretiny::study {

/// Checksum of a row's content.
std::int64_t row_checksum(const std::string& text);
std::int64_t epoch_checksum(std::int64_t trial, const EpochRecord& record);
std::int64_t step_checksum(std::int64_t trial, const StepRecord& record);
std::int64_t run_checksum(std::int64_t number, const std::string& started,
                          const std::string& settings);
std::int64_t model_checksum(std::int64_t trial, std::span<const std::uint8_t> model);

/// What must be there.
struct Tally {
  std::int64_t revision = 0;
  std::int64_t trials = 0;
  /// Checksums of the rows of trials, epochs, models, steps and runs, added up; those of
  /// checkpoints not: what damages one shall cost no more than it.
  std::uint64_t content = 0;

  friend bool operator==(const Tally&, const Tally&) = default;
};

/// Throws StoreError when it is not there or damaged.
Tally read_tally(Database& database);
/// Puts it in the place of the one there.
void write_tally(Database& database, const Tally& tally);

/// A write transaction: takes the writer's lock at once, rolls back unless committed. Whoever
/// decides what to change must read after it was begun.
class StudyChange {
 public:
  /// Whether what is committed is in the study's own file afterwards, beyond damage of its log.
  /// What a trial's next attempt would forget need not be.
  enum class Keep { in_log, in_file };

  explicit StudyChange(Database& database);

  std::int64_t trial_count() const { return tally_.trials; }
  /// Adds a trial, or writes it in the place of the one with its number.
  void save(const Trial& trial);
  /// Adds an epoch, or writes it in the place of the one with its number.
  void save(std::int64_t trial, const EpochRecord& record);
  void save(std::int64_t trial, const StepRecord& record);
  void save(std::int64_t trial, std::span<const std::uint8_t> model);
  void save_checkpoint(std::int64_t trial, std::int64_t epochs,
                       std::span<const std::uint8_t> checkpoint);
  /// Adds a run to those there.
  void add(const RunRecord& run);
  /// Forgets those after the first `kept`.
  void forget_epochs(std::int64_t trial, std::int64_t kept = 0);
  void forget_checkpoint(std::int64_t trial);
  void commit(Keep keep);

 private:
  Database& database_;
  Transaction transaction_;
  Tally tally_;
};

}  // namespace paretiny::study
