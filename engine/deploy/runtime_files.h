// The C sources of engine/deploy/runtime, compiled in as text.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace paretiny {

/// File name and text of each.
extern const std::vector<std::pair<std::string, std::string>> kRuntimeFiles;

}  // namespace paretiny
