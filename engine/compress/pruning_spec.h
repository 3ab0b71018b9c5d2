// How a candidate is pruned: the [pruning] table of an experiment.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace paretiny::compress {

enum class PruningCriterion { l1, l2, batch_norm, taylor, apoz, random };
enum class PruningSchedule { none, agp, one_shot };

/// The [pruning] table. Sparsity is the share of a group's channels that is removed.
struct PruningSpec {
  PruningSchedule schedule = PruningSchedule::none;
  PruningCriterion criterion = PruningCriterion::l1;
  double sparsity = 0;  ///< final, of every group without one of its own, in [0, 1)
  /// Final sparsity of the groups whose first layer's name is `prefix` or begins with it and a
  /// slash; of several prefixes the longest counts.
  struct Override {
    std::string prefix;
    double sparsity;
  };
  std::vector<Override> overrides{};
  double begin = 0.2;         ///< share of the epochs at which the first filters go
  double end = 0.7;           ///< agp: share at which the last go
  std::int64_t every = 1;     ///< agp: epochs between steps
  std::int64_t multiple = 1;  ///< channels left are rounded up to a multiple of this
};

/// Share in [0, 1] of the final sparsity that is reached before epoch `epoch` (counted from 0)
/// starts. agp: 1 - (1 - t)^3 (Zhu, Gupta: To prune, or not to prune, 2017).
double pruning_progress(const PruningSpec& spec, std::int64_t epoch, std::int64_t epochs);

const char* name_of(PruningCriterion);
const char* name_of(PruningSchedule);

}  // namespace paretiny::compress
