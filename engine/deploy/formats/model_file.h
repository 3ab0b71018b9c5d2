// A deployed model as bytes, for the study and for files: a header with a checksum and a CBOR
// document of what cannot be derived (weights, scales, biases). Everything else is computed again
// from it when it is read, by the functions that made it.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "engine/deploy/deployed_model.h"

namespace paretiny::deploy {

std::vector<std::uint8_t> to_bytes(const DeployedModel& model);

/// `source` names the bytes in errors. Throws DataError for bytes that are no model, cut short,
/// damaged, of a newer version, or that describe a network which does not hold together.
DeployedModel model_from_bytes(std::span<const std::uint8_t> bytes, const std::string& source);

/// Written whole or not at all. Throws DataError.
void save_model(const DeployedModel& model, const std::filesystem::path& path);
DeployedModel load_model(const std::filesystem::path& path);

}  // namespace paretiny::deploy
