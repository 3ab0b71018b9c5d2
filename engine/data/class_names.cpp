#include "engine/data/class_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "engine/data/file_bytes.h"
#include "kernels/error.h"

namespace paretiny {

std::vector<std::string> class_names(const std::filesystem::path& folder,
                                     const std::vector<std::string>& fallback) {
  const std::filesystem::path file = folder / "classes.txt";
  if (!std::filesystem::exists(file)) return fallback;
  const Bytes bytes = read_file(file);
  std::vector<std::string> names;
  for (std::string_view rest = as_text(bytes); !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (!line.empty()) names.emplace_back(line);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (names.size() != fallback.size()) {
    throw DataError(fmt::format("{}: {} names for {} classes; one a line is needed", file.string(),
                                names.size(), fallback.size()));
  }
  return names;
}

}  // namespace paretiny
