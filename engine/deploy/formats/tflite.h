// A deployed model as a TensorFlow Lite file: int8 in and out, for TensorFlow Lite, LiteRT and
// TensorFlow Lite Micro.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/deploy/deployed_model.h"

namespace paretiny::deploy {

/// With TensorFlow Lite's reference kernels it gives the network's bytes. Input [1, h, w, c],
/// output "logits" [1, classes]; the model's description says how an input is quantized and names
/// the classes. Throws UsageError, naming the step, for an average pool whose padding is neither
/// SAME nor VALID.
std::vector<std::uint8_t> tflite_model(const DeployedModel& model);

}  // namespace paretiny::deploy
