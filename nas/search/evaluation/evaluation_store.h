// Evaluations kept by all that they depend on, so that searches which meet the same candidate train
// it once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nas/study/study.h"

namespace paretiny::search {

/// What a training and what is measured after it gave.
struct KeptEvaluation {
  std::vector<study::EpochRecord> epochs;
  std::map<std::string, double> metrics;
  std::vector<std::uint8_t> model;  ///< as engine/deploy/formats/model_file.h writes it
};

/// All that an evaluation depends on, by name: candidate, samples, seed, device, program.
using EvaluationKey = std::map<std::string, std::string>;

/// A folder of them, a file each. A file is written whole or not at all, so any number of processes
/// may share a folder, and a kill costs what was not yet written; two that evaluate the same at one
/// time write the same. One object may be used by several threads.
class EvaluationStore {
 public:
  /// Throws DataError when the folder cannot be made.
  explicit EvaluationStore(std::filesystem::path folder);

  /// Nothing where there is none, or a file that is damaged or of something else: `keep` replaces
  /// it.
  std::optional<KeptEvaluation> find(const EvaluationKey& key) const;
  /// Throws DataError when it cannot be written.
  void keep(const EvaluationKey& key, const KeptEvaluation& evaluation) const;

 private:
  std::filesystem::path file(const EvaluationKey& key) const;

  const std::filesystem::path folder_;
};

}  // namespace paretiny::search
