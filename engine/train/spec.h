// How a candidate is trained: the [training] table of an experiment.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace paretiny {

enum class Optimizer { sgd, adam, adamw };
enum class Schedule { cosine, step };
enum class Precision { automatic, f32, bf16 };

struct TrainingSpec {
  std::int64_t epochs = 50;
  std::int64_t batch = 128;
  Optimizer optimizer = Optimizer::sgd;
  double learning_rate = 0.1;  ///< the highest, reached after the warm-up
  double momentum = 0.9;       ///< sgd: Nesterov momentum; adam, adamw: beta1
  double weight_decay = 5e-4;
  bool decay_all = false;  ///< also on biases and batch norm, not only on weights
  Schedule schedule = Schedule::cosine;
  double warmup = 0;                             ///< epochs of linear warm-up
  std::vector<double> milestones = {0.5, 0.75};  ///< step: shares of the epochs
  double step_factor = 0.1;                      ///< step: the rate's factor at a milestone
  double label_smoothing = 0;
  std::int64_t crop = 0;  ///< augmentation, see AugmentSpec
  bool flip = false;
  std::int64_t shift = 0;
  double noise = 0;
  /// automatic: bf16 activations where the processor multiplies them faster, else f32.
  Precision precision = Precision::automatic;
};

/// Learning rate of step `step` (counted from 0) out of `steps_per_epoch` an epoch. Cosine falls to
/// 0 at the last step.
double learning_rate(const TrainingSpec& spec, std::int64_t step, std::int64_t steps_per_epoch);

enum class PruningCriterion { l1, l2, batch_norm, taylor, apoz, random };
enum class PruningSchedule { none, agp, one_shot };

/// The [pruning] table. Sparsity is the share of a group's channels that is removed.
struct PruningSpec {
  PruningSchedule schedule = PruningSchedule::none;
  PruningCriterion criterion = PruningCriterion::l1;
  double sparsity = 0;  ///< final, of every group without one of its own, in [0, 1)
  /// Final sparsity of the groups whose first layer's name begins with `prefix` and a slash.
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

const char* name_of(Optimizer);
const char* name_of(Schedule);
const char* name_of(Precision);
const char* name_of(PruningCriterion);
const char* name_of(PruningSchedule);

}  // namespace paretiny
