#include "nas/cli/arguments/points_file.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "base/error.h"
#include "base/one_line.h"
#include "base/text_file.h"
#include "engine/data/formats/file_bytes.h"

namespace paretiny::cli {
namespace {

/// Of a line that is quoted.
constexpr std::size_t kShown = 60;

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// What stands between the fields of a line; ' ' for any blanks. "0,5;0,7" has two fields.
char separator_of(std::string_view line) {
  for (const char separator : {';', '\t', ','}) {
    if (line.find(separator) != std::string_view::npos) return separator;
  }
  return ' ';
}

std::vector<std::string_view> fields_of(std::string_view line, char separator) {
  std::vector<std::string_view> fields;
  line = trim(line);
  while (true) {
    bool quoted = false;
    std::size_t end = 0;
    for (; end < line.size(); ++end) {
      if (line[end] == '"') quoted = !quoted;
      const bool here = separator == ' ' ? is_blank(line[end]) : line[end] == separator;
      if (here && !quoted) break;
    }
    std::string_view field = trim(line.substr(0, end));
    if (field.size() > 1 && field.front() == '"' && field.back() == '"') {
      field = trim(field.substr(1, field.size() - 2));
    }
    fields.push_back(field);
    if (end == line.size()) return fields;
    line = separator == ' ' ? trim(line.substr(end)) : line.substr(end + 1);
  }
}

std::string lower(std::string_view text) {
  std::string word(text);
  std::transform(word.begin(), word.end(), word.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return word;
}

/// What stands for a number that is none.
bool is_no_number(std::string_view field) {
  constexpr std::array words = {"nan", "inf", "infinity", "na", "n/a", "null", "none"};
  return std::find(words.begin(), words.end(), lower(field)) != words.end();
}

/// f1, x1, "ROM (B)", error; not 1.2.3, -inf or nan, which were meant to be numbers.
bool is_name(std::string_view field) {
  if (field.empty() || is_digit(field.front()) || is_no_number(field)) return false;
  if (field.front() == '+' || field.front() == '-' || field.front() == '.') return false;
  return std::any_of(field.begin(), field.end(), [](char c) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           static_cast<unsigned char>(c) > 0x7F;
  });
}

/// The finite number that `field` is. Throws std::invalid_argument saying what it is instead.
double number_of(std::string_view field) {
  const auto refuse = [&](std::string_view what) {
    throw std::invalid_argument(fmt::format("'{}' {}", one_line(field, kShown), what));
  };
  if (field.empty()) throw std::invalid_argument("a number is missing");
  std::string_view digits = field;
  if (digits.size() > 1 && digits[0] == '+' && digits[1] != '-') digits.remove_prefix(1);
  double value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (stop != end || error == std::errc::invalid_argument) {
    const bool comma = field.find(',') != std::string_view::npos;
    refuse(comma ? "is no number; write 0.5, not 0,5" : "is no decimal number");
  }
  // Out of range either way: what is too small is as good as 0.
  if (error != std::errc()) value = std::strtod(std::string(digits).c_str(), nullptr);
  if (std::isnan(value) || is_no_number(digits.substr(digits[0] == '-' ? 1 : 0))) {
    refuse("is not finite");
  }
  if (std::isinf(value)) refuse("is above 1.8e308, the largest number there is");
  return value;
}

std::vector<double> numbers_of(const std::vector<std::string_view>& fields) {
  std::vector<double> numbers;
  for (const std::string_view field : fields) numbers.push_back(number_of(field));
  return numbers;
}

/// The lines of a text, ended by \n, \r\n or \r.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
    const std::size_t marks = text.starts_with("\r\n") ? 2 : 1;
    text.remove_prefix(std::min(marks, text.size()));
  }
  return lines;
}

/// What `path` holds; pipes and devices are read to their end, "-" is the standard input.
std::string text_of(const std::filesystem::path& path) {
  const std::optional<std::string> text =
      path == "-" ? std::string(std::istreambuf_iterator<char>(std::cin), {}) : read_text(path);
  if (!text) {
    throw DataError(fmt::format("there is no file '{}' that can be read", one_line(path.string())));
  }
  if (text->starts_with("\xFF\xFE") || text->starts_with("\xFE\xFF")) {
    throw DataError(one_line(path.string()) + " is written in UTF-16; save it as UTF-8");
  }
  return *text;
}

}  // namespace

std::vector<double> parse_point(const std::string& text, const std::string& what) {
  try {
    return numbers_of(fields_of(text, separator_of(text)));
  } catch (const std::invalid_argument& error) {
    throw UsageError(fmt::format("{} {} is no list of numbers such as 1,1: {}", what,
                                 one_line(text, kShown), error.what()));
  }
}

pareto::Points read_points(const std::filesystem::path& path, std::size_t objectives) {
  const std::string text = text_of(path);
  std::string_view content = data::without_mark(text);
  pareto::Points points;
  char separator = 0;
  bool named = false;
  std::size_t number = 0;
  for (const std::string_view line : lines_of(content)) {
    ++number;
    const std::string_view written = trim(line);
    if (written.empty() || written.front() == '#') continue;
    const auto refuse = [&](const std::string& what) {
      throw DataError(
          fmt::format("{} line {}: '{}' is no point: {}; write {}, as the reference has",
                      one_line(path.string()), number, one_line(written, kShown), what,
                      objectives == 1 ? "one number"
                                      : fmt::format("{} numbers with commas between", objectives)));
    };
    const std::vector<std::string_view> fields =
        fields_of(written, separator == 0 ? separator_of(written) : separator);
    if (separator == 0) {
      const bool names = !named && std::all_of(fields.begin(), fields.end(), is_name);
      named = true;
      if (names) continue;
      separator = separator_of(written);
    }
    try {
      points.push_back(numbers_of(fields));
    } catch (const std::invalid_argument& error) {
      refuse(error.what());
    }
    if (fields.size() != objectives) {
      refuse(fmt::format("it has {} number{}", fields.size(), fields.size() == 1 ? "" : "s"));
    }
  }
  if (points.empty()) {
    throw DataError(
        fmt::format("{} holds no point; write one a line, such as 1,2.5", one_line(path.string())));
  }
  return points;
}

}  // namespace paretiny::cli
