// An int8 network as C99: its constants, its calls in the order and at the addresses of the memory
// plan, and the runtime of engine/deploy/runtime, which computes or has CMSIS-NN compute.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/deploy/activation_plan.h"
#include "engine/deploy/cmsis_nn.h"
#include "engine/deploy/deployed_model.h"

namespace paretiny {

/// Text by file name, relative to a folder.
using Files = std::map<std::string, std::string>;

/// model.h, model.c, weights.h, weights.c, the runtime, a CMakeLists.txt, and a test of the
/// recorded runs for the host. The plan must be one for those kernels.
Files c_code(const DeployedModel& model, const ActivationPlan& plan,
             const std::vector<RecordedRun>& runs, Kernels kernels = Kernels::own);

}  // namespace paretiny
