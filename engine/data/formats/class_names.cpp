#include "engine/data/formats/class_names.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "base/one_line.h"
#include "engine/data/formats/file_bytes.h"

namespace paretiny::data {
namespace {

std::string_view trimmed(std::string_view line) {
  constexpr std::string_view blanks = " \t\r\v\f";
  const std::size_t first = std::min(line.find_first_not_of(blanks), line.size());
  line.remove_prefix(first);
  return line.substr(0, line.find_last_not_of(blanks) + 1);
}

}  // namespace

std::vector<std::string> class_names(const std::filesystem::path& folder,
                                     const std::vector<std::string>& fallback) {
  const std::filesystem::path file = folder / "classes.txt";
  if (!std::filesystem::exists(file)) return fallback;
  const Bytes bytes = read_file(file);
  std::vector<std::string> names;
  std::string_view rest = without_mark(as_text(bytes));
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = trimmed(rest.substr(0, end));
    if (!is_utf8(line)) {
      throw DataError(fmt::format("{} line {}: the name is not UTF-8; save the file as UTF-8",
                                  file.string(), number));
    }
    if (!line.empty()) names.emplace_back(line);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (names.size() != fallback.size()) {
    throw DataError(fmt::format("{}: {} names for {} classes; one a line is needed", file.string(),
                                names.size(), fallback.size()));
  }
  return names;
}

}  // namespace paretiny::data
