#include "engine/deploy/code/c_text.h"

#include "base/one_line.h"

namespace paretiny::deploy {

std::string comment_text(std::string_view text) {
  std::string result;
  for (const char c : one_line(text)) {
    const char before = result.empty() ? ' ' : result.back();
    const bool ends = (before == '*' && c == '/') || (before == '/' && c == '*');
    const bool trigraph = before == '?' && c == '?';
    if (ends || trigraph) result += ' ';
    result += c;
  }
  if (result.ends_with('\\')) result += '.';
  return result;
}

std::string markdown_text(std::string_view text) {
  constexpr std::string_view markup = "\\`*_[]<>|&~#!$";
  std::string result;
  for (const char c : one_line(text)) {
    if (markup.find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

}  // namespace paretiny::deploy
