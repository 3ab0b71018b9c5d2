#include <fmt/core.h>

#include "engine/deploy/code/runtime_files.h"
#include "kernels/core/random.h"

namespace paretiny::deploy {

const std::string& runtime_version() {
  static const std::string version = [] {
    std::string all;
    for (const auto& [name, text] : kRuntimeFiles) all += name + '\0' + text + '\0';
    return fmt::format("{:08x}", static_cast<std::uint32_t>(random_key(0, all)));
  }();
  return version;
}

const NamedTexts& versioned_runtime() {
  static const NamedTexts files = [] {
    NamedTexts result = kRuntimeFiles;
    for (auto& [name, text] : result) {
      if (name != "paretiny_names.h") continue;
      constexpr std::string_view mark = "VERSION";
      for (std::size_t at = 0; (at = text.find(mark, at)) != std::string::npos;) {
        text.replace(at, mark.size(), runtime_version());
      }
    }
    return result;
  }();
  return files;
}

}  // namespace paretiny::deploy
