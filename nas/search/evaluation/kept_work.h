// What a worker could not tell because the server of its study was gone: kept in files of its own,
// and told when both are there again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "nas/study/study.h"

namespace paretiny::search {

/// Of one trial, whose holder it was. Either how it ended, or a checkpoint to go on from.
struct KeptWork {
  std::int64_t trial = 0;
  std::string owner;
  std::vector<study::EpochRecord> epochs;  ///< that the study has not
  std::int64_t checkpoint_epochs = 0;      ///< that the checkpoint has behind it
  std::vector<std::uint8_t> checkpoint;
  std::optional<study::TrialState> end;
  study::TrialResult result{};
};

/// A folder of them, a file each, for the workers of one study.
class WorkKeeper {
 public:
  /// Made when there is something to keep.
  WorkKeeper(std::filesystem::path folder, const study::StudyHeader& study);

  /// In the place of what was kept of the trial before. Throws DataError when it cannot be written.
  void keep(const KeptWork& work) const;

  /// Tells the study what is kept of its trials: ends those that had ended, gives the others back
  /// with their checkpoints. What another worker has taken meanwhile is dropped. Each is said by
  /// `note`. A file that is damaged is left alone, and said.
  void tell(study::Study& study, const std::function<void(const std::string&)>& note) const;

 private:
  std::filesystem::path file(std::int64_t trial) const;

  const std::filesystem::path folder_;
  const std::string study_;  ///< which one, in a file's name
};

}  // namespace paretiny::search
