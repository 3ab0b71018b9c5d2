#include "nas/study/damage.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/error.h"

namespace paretiny {

std::string one_line(std::string text) {
  const auto controls = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
  std::replace_if(text.begin(), text.end(), controls, ' ');
  return text;
}

void throw_damaged(const std::filesystem::path& path, const std::string& how) {
  throw StoreError(fmt::format(
      "the study '{}' is damaged: {}; put a copy in its place, or begin another study in another "
      "file",
      path.string(), one_line(how)));
}

}  // namespace paretiny
