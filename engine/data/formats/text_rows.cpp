#include "engine/data/formats/text_rows.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"

namespace paretiny::data {
namespace {

const char* skip_spaces(const char* at, const char* end) {
  while (at != end && (*at == ' ' || *at == '\t' || *at == '\r')) ++at;
  return at;
}

/// Reads a number at `at` and moves past it; false when there is none or it is not finite.
bool parse(const char*& at, const char* end, float& number) {
  double wide = 0;  // not float: from_chars refuses what a float can only hold as zero
  const auto [stop, error] = std::from_chars(at, end, wide);
  at = stop;
  number = static_cast<float>(wide);
  return error == std::errc{} && std::isfinite(number);
}

bool parse(const char*& at, const char* end, std::int64_t& number) {
  const auto [stop, error] = std::from_chars(at, end, number);
  at = stop;
  return error == std::errc{};
}

}  // namespace

bool TextRows::next(std::span<float> row) {
  return read(row);
}
bool TextRows::next(std::span<std::int64_t> row) {
  return read(row);
}

void TextRows::fail(const std::string& what) const {
  throw DataError(fmt::format("{}, line {}: {}", file_, line_, what));
}

template <class Number>
bool TextRows::read(std::span<Number> row) {
  const char* at = rest_.data();
  const char* end = at;
  do {
    if (rest_.empty()) return false;
    ++line_;
    end = std::find(rest_.data(), rest_.data() + rest_.size(), '\n');
    at = skip_spaces(rest_.data(), end);
    rest_.remove_prefix(std::min(static_cast<std::size_t>(end - rest_.data()) + 1, rest_.size()));
  } while (at == end);

  for (std::size_t i = 0; i < row.size(); ++i) {
    if (i > 0 && separator_ != ' ') {
      if (at == end || *at != separator_) {
        fail(fmt::format("{} where {} numbers with '{}' between are needed",
                         at == end ? fmt::format("{} numbers", i) : "other text", row.size(),
                         separator_));
      }
      at = skip_spaces(at + 1, end);
    }
    const char* start = at;
    if (at == end) {
      fail(fmt::format("{} numbers, where {} are needed", i, row.size()));
    }
    if (!parse(at, end, row[i])) {
      const char* stop = std::find_if(start, end, [&](char c) { return c == separator_; });
      fail(fmt::format("'{}' in column {}, where a finite number is needed",
                       std::string_view(start, std::min<std::size_t>(
                                                   static_cast<std::size_t>(stop - start), 30)),
                       i + 1));
    }
    const char* after = skip_spaces(at, end);
    if (after == at && at != end && *at != separator_) {
      fail(fmt::format("foreign text after the number in column {}", i + 1));
    }
    at = after;
  }
  if (at != end) fail(fmt::format("more than the {} numbers it should have", row.size()));
  return true;
}

}  // namespace paretiny::data
