// The C sources of engine/deploy/runtime and engine/deploy/firmware, compiled in as text.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace paretiny {

/// File name and text of each.
extern const std::vector<std::pair<std::string, std::string>> kRuntimeFiles;
extern const std::vector<std::pair<std::string, std::string>> kFirmwareFiles;

}  // namespace paretiny
