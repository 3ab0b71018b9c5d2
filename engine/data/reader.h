// What a reader of one format hands over: every sample of the official training and test parts.
// Splitting, limiting and measuring are the same for all formats and happen after it (split.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/data/dataset.h"
#include "engine/data/options.h"

namespace paretiny::data {

struct ReadDataset {
  std::vector<std::string> classes;
  Samples train, test;
  /// The person (group) of each training sample; empty when the set has none.
  std::vector<std::int32_t> people;
  std::vector<std::string> notes{};  ///< as those of a Dataset
};

/// Each throws DataError naming file and place, UsageError for an option's value. Samples come out
/// NHWC, finite, with labels 0 .. classes-1.
ReadDataset read_cifar10(const DatasetSpec& spec, const DatasetOptions& options);
ReadDataset read_idx(const DatasetSpec& spec, const DatasetOptions& options);
ReadDataset read_hapt(const DatasetSpec& spec, const DatasetOptions& options);
ReadDataset read_daliac(const DatasetSpec& spec, const DatasetOptions& options);
ReadDataset read_npy_set(const DatasetSpec& spec, const DatasetOptions& options);
ReadDataset make_synthetic(const DatasetSpec& spec, const DatasetOptions& options);

}  // namespace paretiny::data
