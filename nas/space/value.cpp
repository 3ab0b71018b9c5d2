#include <fmt/core.h>

#include "nas/space/space.h"

namespace paretiny::space {

std::string to_string(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return std::to_string(*whole);
  return fmt::format("{}", std::get<double>(value));
}

}  // namespace paretiny::space
