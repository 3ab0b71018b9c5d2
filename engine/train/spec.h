// How a candidate is trained: the [training] table of an experiment.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "kernels/core/device.h"
#include "kernels/core/tensor.h"

namespace paretiny::train {

enum class Optimizer { sgd, adam, adamw };
enum class Schedule { cosine, step };
enum class Precision { automatic, f32, bf16 };

/// As Kingma and Ba, "Adam: a method for stochastic optimization", 2015, have it.
inline constexpr double kAdamBeta2 = 0.999;

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

/// Rows of a StepTable for the steps of an epoch counted from 0: where the step's batch begins and
/// the epoch; as bits of floats the learning rate and Adam's 1 - beta1^t and 1 - beta2^t.
inline constexpr std::int64_t kEpochRowWidth = 5;
std::vector<std::int32_t> epoch_rows(const TrainingSpec& spec, std::int64_t epoch,
                                     std::int64_t steps_per_epoch);

/// The type of activations that `precision` stands for on a device.
DType activation_type(Precision precision, Device device);

/// Every key that a result depends on, in a fixed order.
nlohmann::json to_json(const TrainingSpec& spec);

const char* name_of(Optimizer);
const char* name_of(Schedule);
const char* name_of(Precision);

}  // namespace paretiny::train
