// A study copied into a file.
#include <fmt/core.h>

#include <system_error>

#include "base/error.h"
#include "nas/study/sqlite/sqlite_study.h"

namespace paretiny::study {
namespace {

void copy_trial(StudyChange& change, Study& from, const Trial& trial) {
  const std::int64_t number = trial.number;
  change.save(trial);
  for (const EpochRecord& record : from.epochs(number)) change.save(number, record);
  for (const StepRecord& record : from.steps(number)) change.save(number, record);
  const std::vector<std::uint8_t> model = from.model(number);
  if (!model.empty()) change.save(number, model);
  const std::vector<std::uint8_t> checkpoint = from.checkpoint(number);
  if (!checkpoint.empty()) {
    change.save_checkpoint(number, from.checkpoint_epochs(number), checkpoint);
  }
}

}  // namespace

void SqliteStudy::fill(Study& from) {
  StudyChange change = this->change();
  for (const Trial& trial : from.trials()) copy_trial(change, from, trial);
  for (const RunRecord& run : from.runs()) change.add(run);
  change.commit(StudyChange::Keep::in_file);
}

void copy_to_sqlite(const std::filesystem::path& path, Study& from) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    throw StoreError(fmt::format("'{}' is there already; name a new file", path.string()));
  }
  // It gets its name once it is whole.
  const std::filesystem::path making = path.string() + ".copying";
  for (const char* part : {"", "-wal", "-shm"}) {
    std::filesystem::remove(making.string() + part, error);
  }
  from.at_one_moment([&] { SqliteStudy::create(making, from.header())->fill(from); });
  std::filesystem::rename(making, path, error);
  if (error) {
    throw StoreError(
        fmt::format("the study '{}' cannot be written: {}", path.string(), error.message()));
  }
}

}  // namespace paretiny::study
