// Text of a file, fit to be quoted.
#pragma once

#include <algorithm>
#include <string>

namespace paretiny {

/// `text` with blanks for its control characters: files hold anything, a sentence is one line.
inline std::string one_line(std::string text) {
  const auto controls = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
  std::replace_if(text.begin(), text.end(), controls, ' ');
  return text;
}

}  // namespace paretiny
