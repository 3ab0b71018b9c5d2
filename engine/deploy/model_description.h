// What a file of another format says about a model in words.
#pragma once

#include <string>

#include "engine/deploy/deployed_model.h"

namespace paretiny {

/// Name, `input` (what the file takes, as a function of a value of the data set, scale[c] and
/// shift[c]), scale and shift by channel, and the classes.
std::string model_description(const DeployedModel& model, const std::string& input);

}  // namespace paretiny
