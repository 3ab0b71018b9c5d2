// An int8 network as C99: its constants, its calls in the order and at the addresses of the memory
// plan, and the runtime of engine/deploy/runtime, which computes or has CMSIS-NN compute.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/deploy/code/cmsis_nn.h"
#include "engine/deploy/deployed_model.h"
#include "engine/deploy/plan/activation_plan.h"

namespace paretiny::deploy {

/// Text by file name, relative to a folder.
using Files = std::map<std::string, std::string>;

/// NAME.h, NAME.c, NAME_weights.h, NAME_weights.c, the runtime, a CMakeLists.txt, and a test of the
/// recorded runs for the host. The plan must be one for those kernels, `name` one of export_name.
///
/// Of different exports any number link into one program. Symbols of the network end in its hash,
/// so that names never matter; those of the runtime end in the hash of its sources, so that exports
/// of one version share it and those of two have one each.
Files c_code(const DeployedModel& model, const ActivationPlan& plan,
             const std::vector<RecordedRun>& runs, Kernels kernels = Kernels::own,
             const std::string& name = "model");

}  // namespace paretiny::deploy
