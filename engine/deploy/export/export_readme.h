// The page that comes with an export. Private to this folder.
#pragma once

#include <string>

#include "engine/deploy/code/cmsis_nn.h"
#include "engine/deploy/deployed_model.h"
#include "engine/deploy/plan/activation_plan.h"
#include "engine/deploy/plan/target.h"

namespace paretiny::deploy {

std::string export_readme(const DeployedModel& model, const ActivationPlan& plan,
                          const Target& target, Kernels kernels, const std::string& name);

}  // namespace paretiny::deploy
