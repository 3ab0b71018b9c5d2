#include "engine/data/options.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/error.h"
#include "base/nearest.h"
#include "base/one_line.h"

namespace paretiny::data {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// True when all of `text` is one number.
template <class Number>
bool parse(std::string_view text, Number& number) {
  text = trim(text);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

[[noreturn]] void refuse(const std::string& name, const std::string& text,
                         const std::string& right) {
  throw UsageError(one_line(fmt::format("[dataset] {} = '{}': {}", name, text, right)));
}

}  // namespace

std::string DatasetOptions::text(const std::string& name, const std::string& fallback) const {
  const auto found = options_.find(name);
  return found == options_.end() ? fallback : found->second;
}

std::string DatasetOptions::choice(const std::string& name, const std::string& fallback,
                                   const std::vector<std::string>& allowed) const {
  std::string word = text(name, fallback);
  if (std::find(allowed.begin(), allowed.end(), word) == allowed.end()) {
    refuse(name, word, "not one of its values" + suggestion(word, allowed));
  }
  return word;
}

std::int64_t DatasetOptions::integer(const std::string& name, std::int64_t fallback,
                                     std::int64_t low, std::int64_t high) const {
  if (!has(name)) return fallback;
  std::int64_t number = 0;
  if (!parse(options_.at(name), number) || number < low || number > high) {
    refuse(name, options_.at(name), fmt::format("needs a whole number from {} to {}", low, high));
  }
  return number;
}

double DatasetOptions::real(const std::string& name, double fallback, double low,
                            double high) const {
  if (!has(name)) return fallback;
  double number = 0;
  // Written so that NaN fails too.
  if (!parse(options_.at(name), number) || !(number >= low && number <= high)) {
    refuse(name, options_.at(name), fmt::format("needs a number from {} to {}", low, high));
  }
  return number;
}

std::vector<std::int32_t> DatasetOptions::integers(const std::string& name) const {
  std::vector<std::int32_t> numbers;
  if (!has(name)) return numbers;
  const std::string& text = options_.at(name);
  std::string_view rest = text;
  for (bool more = true; more;) {
    const std::size_t comma = rest.find(',');
    more = comma != std::string_view::npos;
    std::int32_t number = 0;
    if (!parse(rest.substr(0, comma), number)) {
      refuse(name, text, "needs whole numbers with commas between, such as '7,8'");
    }
    numbers.push_back(number);
    if (more) rest.remove_prefix(comma + 1);
  }
  std::sort(numbers.begin(), numbers.end());
  if (std::adjacent_find(numbers.begin(), numbers.end()) != numbers.end()) {
    refuse(name, text, "names a number twice");
  }
  return numbers;
}

}  // namespace paretiny::data
