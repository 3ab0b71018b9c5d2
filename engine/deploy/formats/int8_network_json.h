// The JSON form of an int8 network. Private to this folder.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "engine/compress/int8_network.h"

namespace paretiny::deploy {

nlohmann::json to_json(const compress::Int8Network& network);

/// Throws DataError, naming the step, for a network that does not hold together: shapes, scales,
/// bounds, or weights whose sums could leave 32 bits.
compress::Int8Network int8_network_from_json(const nlohmann::json& form);

}  // namespace paretiny::deploy
