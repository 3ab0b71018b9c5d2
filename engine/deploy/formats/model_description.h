// What a file of another format says about a model in words.
#pragma once

#include <string>

#include "engine/deploy/deployed_model.h"

namespace paretiny::deploy {

/// The model with names that a file of another format may hold: valid UTF-8 without control
/// characters, and no two tensors of one name, with or without a ':' and a suffix behind it.
DeployedModel with_file_names(DeployedModel model);

/// Name, `input` (what the file takes, as a function of a value of the data set, scale[c] and
/// shift[c]), scale and shift by channel, and the classes.
std::string model_description(const DeployedModel& model, const std::string& input);

}  // namespace paretiny::deploy
