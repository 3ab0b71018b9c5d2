#include "nas/experiment/toml_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <sstream>

#include "base/error.h"
#include "base/one_line.h"
#include "engine/data/formats/file_bytes.h"

namespace paretiny::experiment {
namespace {

/// Position behind the string that begins at `at`; the text's end where it is not closed.
std::size_t string_end(const std::string& text, std::size_t at) {
  const char quote = text[at];
  const bool block = text.compare(at, 3, std::string(3, quote)) == 0;
  const std::string closing(block ? 3 : 1, quote);
  for (at += closing.size(); at < text.size(); ++at) {
    if (text.compare(at, closing.size(), closing) == 0) return at + closing.size();
    if (text[at] == '\\' && quote == '"') ++at;
    if (text[at] == '\n' && !block) return at;
  }
  return text.size();
}

/// Throws when more dots stand in a key, or in what could be one, than a key of ours has.
void check_keys(const std::string& text, const std::string& source) {
  std::size_t parts = 1, line = 1;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"' || c == '\'') {
      const std::size_t end = string_end(text, at);
      for (; at < end; ++at) line += text[at] == '\n';
      continue;
    }
    if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
      continue;
    }
    const bool goes_on = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' ||
                         c == ' ' || c == '\t';
    if (c == '.') {
      if (++parts > kMostKeyParts) {
        throw UsageError(
            fmt::format("{} line {}: a key has more than {} parts", source, line, kMostKeyParts));
      }
    } else if (!goes_on) {
      parts = 1;
      line += c == '\n';
    }
    ++at;
  }
}

/// What a line that is no TOML may lack, for the end of a sentence.
std::string advice_on(const std::string& text, std::size_t line) {
  std::size_t begin = 0;
  for (; line > 1 && begin < text.size(); --line) {
    begin = std::min(text.find('\n', begin), text.size() - 1) + 1;
  }
  const std::string written = text.substr(begin, text.find('\n', begin) - begin);
  const std::size_t equals = written.find('=');
  if (equals == std::string::npos) {
    return written.find(':') == std::string::npos ? "" : "; write key = value";
  }
  const std::size_t at = written.find_first_not_of(" \t", equals + 1);
  if (at == std::string::npos) return "; a value is missing";
  const bool bare = std::isalpha(static_cast<unsigned char>(written[at])) != 0 ||
                    written[at] == '/' || written[at] == '.';
  return bare ? "; a text stands in quotes: key = \"text\"" : "";
}

}  // namespace

toml::table parse_toml(const std::string& text, const std::string& source) {
  check_keys(text, source);
  try {
    return toml::parse(text, source);
  } catch (const toml::parse_error& error) {
    const std::size_t line = error.source().begin.line;
    throw UsageError(fmt::format("{} line {}: {}{}", source, line,
                                 one_line(std::string(error.description())),
                                 advice_on(text, line)));
  }
}

toml::table parse_toml_file(const std::filesystem::path& file) {
  const data::Bytes bytes = data::read_file(file);
  return parse_toml(std::string(data::as_text(bytes)), file.string());
}

std::string to_text(const toml::table& table) {
  std::ostringstream text;
  text << table;
  return text.str();
}

}  // namespace paretiny::experiment
