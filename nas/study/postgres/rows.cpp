// Values on their way to the server and back.
#include <fmt/core.h>
#include <libpq-fe.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "nas/study/postgres/connection.h"

namespace paretiny::study::postgres {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Bytes of the UTF-8 character at `at`; 0 where there is none.
std::size_t character_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
  };
  const unsigned first = byte(0);
  if (first == 0) return 0;
  if (first < 0x80) return 1;
  const auto follows = [&](std::size_t i, unsigned low, unsigned high) {
    return byte(i) >= low && byte(i) <= high;
  };
  if (first >= 0xC2 && first <= 0xDF) return follows(1, 0x80, 0xBF) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned low = first == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = first == 0xED ? 0x9F : 0xBF;
    return follows(1, low, high) && follows(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned low = first == 0xF0 ? 0x90 : 0x80;
    const unsigned high = first == 0xF4 ? 0x8F : 0xBF;
    return follows(1, low, high) && follows(2, 0x80, 0xBF) && follows(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

std::string as_utf8(std::string_view text) {
  std::string clean;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t bytes = character_at(text, at);
    clean += bytes == 0 ? kReplacement : text.substr(at, bytes);
    at += std::max<std::size_t>(1, bytes);
  }
  return clean;
}

}  // namespace

Parameters& Parameters::add(std::int64_t value) {
  return add(std::string_view(std::to_string(value)));
}

Parameters& Parameters::add(double value) {
  if (std::isnan(value)) return add_null();
  if (std::isinf(value)) return add(std::string_view(value > 0 ? "Infinity" : "-Infinity"));
  return add(std::string_view(fmt::format("{}", value)));
}

Parameters& Parameters::add(std::string_view text) {
  values_.push_back(as_utf8(text));
  null_.push_back(false);
  binary_.push_back(0);
  return *this;
}

Parameters& Parameters::add(std::span<const std::uint8_t> bytes) {
  values_.emplace_back(bytes.begin(), bytes.end());
  null_.push_back(false);
  binary_.push_back(1);
  return *this;
}

Parameters& Parameters::add_null() {
  values_.emplace_back();
  null_.push_back(true);
  binary_.push_back(0);
  return *this;
}

void Rows::Clear::operator()(pg_result* result) const {
  PQclear(result);
}

Rows::Rows(pg_result* result) : result_(result), size_(PQntuples(result)) {}

bool Rows::good() const {
  const ExecStatusType status = PQresultStatus(result_.get());
  return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

bool Rows::null(int row, int column) const {
  return PQgetisnull(result_.get(), row, column) != 0;
}

std::int64_t Rows::integer(int row, int column) const {
  return std::strtoll(PQgetvalue(result_.get(), row, column), nullptr, 10);
}

double Rows::real(int row, int column) const {
  if (null(row, column)) return std::numeric_limits<double>::quiet_NaN();
  return std::strtod(PQgetvalue(result_.get(), row, column), nullptr);
}

std::string Rows::text(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

std::vector<std::uint8_t> Rows::bytes(int row, int column) const {
  std::size_t size = 0;
  const auto* hex = reinterpret_cast<const unsigned char*>(PQgetvalue(result_.get(), row, column));
  std::unique_ptr<unsigned char, void (*)(void*)> raw(PQunescapeBytea(hex, &size), PQfreemem);
  if (!raw) throw OutOfMemory("the host's memory is used up: a study's model cannot be read");
  return {raw.get(), raw.get() + size};
}

}  // namespace paretiny::study::postgres
