// A deployed model as an ONNX file: floats in and out, and within it every tensor quantized and
// dequantized again (QDQ), which runtimes turn into integer operators.
#pragma once

#include <string>

#include "engine/deploy/deployed_model.h"

namespace paretiny::deploy {

/// Input [batch, h, w, c] f32, normalised as the model's doc_string says; output f32 logits
/// [batch, classes]. Within, images are [batch, c, h, w]. Runtimes round halves otherwise than the
/// int8 network, and hard-sigmoid is computed in one step: bytes may differ by one and more.
std::string onnx_model(const DeployedModel& model);

}  // namespace paretiny::deploy
