#include <fmt/core.h>

#include <charconv>
#include <optional>

#include "nas/space/space.h"

namespace paretiny::space {
namespace {

std::optional<double> number(const Value& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(&value)) return *real;
  return std::nullopt;
}

/// The number that a text is.
std::optional<double> read(const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) return std::nullopt;
  double read = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, read);
  return error == std::errc() && stop == end ? std::optional(read) : std::nullopt;
}

}  // namespace

std::string to_string(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return std::to_string(*whole);
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  return fmt::format("{}", std::get<double>(value));
}

bool same(const Value& a, const Value& b) {
  std::optional<double> x = number(a), y = number(b);
  if (x && !y) y = read(b);
  if (y && !x) x = read(a);
  return x && y ? *x == *y : to_string(a) == to_string(b);
}

}  // namespace paretiny::space
