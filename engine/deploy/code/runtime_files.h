// The C sources of engine/deploy/runtime and engine/deploy/firmware, compiled in as text.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace paretiny::deploy {

/// File name and text of each.
using NamedTexts = std::vector<std::pair<std::string, std::string>>;
extern const NamedTexts kRuntimeFiles;
extern const NamedTexts kFirmwareFiles;

/// Eight digits, a hash of all of the runtime: equal for equal sources, and for no others.
const std::string& runtime_version();

/// The runtime as exports have it: the version in place of VERSION in paretiny_names.h.
const NamedTexts& versioned_runtime();

}  // namespace paretiny::deploy
