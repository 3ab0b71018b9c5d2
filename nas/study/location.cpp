#include "nas/study/location.h"

#include <fmt/core.h>

#include <array>
#include <cctype>

#include "base/error.h"

namespace paretiny::study {
namespace {

constexpr std::array<std::string_view, 2> kSchemes{"postgresql://", "postgres://"};
constexpr std::string_view kStudyKey = "study=";

std::string_view scheme_of(std::string_view text) {
  for (const std::string_view scheme : kSchemes) {
    if (text.starts_with(scheme)) return scheme;
  }
  return {};
}

std::string percent_decoded(std::string_view text) {
  const auto digit = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) && digit(text[i + 2])) {
      decoded += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || std::string_view("-._~").find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", byte);
    }
  }
  return encoded;
}

/// Where the password of "//user:password@" begins and ends; both npos without one. A password may
/// hold any character, so everything from the first colon to the last '@' counts.
std::pair<std::size_t, std::size_t> password_in_authority(std::string_view text) {
  const std::size_t colon = text.find(':', text.find("//") + 2);
  const std::size_t at = text.rfind('@');
  if (colon == std::string_view::npos || at == std::string_view::npos || at < colon) {
    return {std::string_view::npos, std::string_view::npos};
  }
  return {colon + 1, at};
}

/// Whether a parameter of the address is a password, under whatever spelling.
bool has_password_parameter(std::string_view parameters) {
  for (std::size_t begin = 0; begin < parameters.size();) {
    const std::size_t end = std::min(parameters.find('&', begin), parameters.size());
    const std::string one = percent_decoded(parameters.substr(begin, end - begin));
    if (one.starts_with("password=") || one.starts_with("sslpassword=")) return true;
    begin = end + 1;
  }
  return false;
}

}  // namespace

Location::Location(const std::filesystem::path& path) {
  const std::string text = path.string();
  if (scheme_of(text).empty()) {
    file_ = path;
    return;
  }
  const std::size_t question = std::min(text.find('?'), text.size());
  const std::string_view parameters = std::string_view(text).substr(question);
  if (password_in_authority(text).first != std::string::npos ||
      has_password_parameter(parameters.substr(std::min<std::size_t>(1, parameters.size())))) {
    throw UsageError(
        "the address of the study's database holds a password, which would be seen by others; "
        "leave it out and give it by PGPASSWORD, ~/.pgpass or a service file");
  }
  database_ = text.substr(0, question);
  std::string kept;
  for (std::size_t begin = question + 1; begin < text.size();) {
    const std::size_t end = std::min(text.find('&', begin), text.size());
    const std::string one = text.substr(begin, end - begin);
    if (one.starts_with(kStudyKey)) {
      name_ = percent_decoded(std::string_view(one).substr(kStudyKey.size()));
    } else {
      kept += (kept.empty() ? "?" : "&") + one;
    }
    begin = end + 1;
  }
  database_ += kept;
}

Location Location::in(const std::string& store, const std::string& name) {
  Location location(store);
  if (!location.is_file() && location.name_.empty()) location.name_ = name;
  return location;
}

std::string Location::text() const {
  if (is_file()) return file_.string();
  if (name_.empty()) return database_;
  const char* joint = database_.find('?') == std::string::npos ? "?" : "&";
  return fmt::format("{}{}{}{}", database_, joint, kStudyKey, percent_encoded(name_));
}

std::string without_passwords(std::string_view text) {
  std::string shown(text);
  for (const std::string_view scheme : kSchemes) {
    for (std::size_t from = shown.find(scheme); from != std::string::npos;
         from = shown.find(scheme, from + 1)) {
      const std::size_t end = std::min(shown.find_first_of(" '\"", from), shown.size());
      const auto [begin, at] =
          password_in_authority(std::string_view(shown).substr(from, end - from));
      if (begin != std::string::npos) shown.replace(from + begin, at - begin, "...");
      const std::size_t key = shown.find("password=", from);
      if (key == std::string::npos) continue;
      const std::size_t value = key + std::string_view("password=").size();
      const std::size_t last = std::min(shown.find_first_of("& '\"", value), shown.size());
      shown.replace(value, last - value, "...");
    }
  }
  return shown;
}

}  // namespace paretiny::study
