// Text of a user or a file, fit to be quoted.
#pragma once

#include <string>
#include <string_view>

namespace paretiny {

/// `text` as one line of UTF-8 that no terminal takes for a command: blanks in place of control
/// characters (those of ASCII and of Unicode), of line and paragraph separators and of marks that
/// turn the direction of writing, which show code in another order than a compiler reads it; U+FFFD
/// in place of bytes that are no UTF-8. Files hold anything, a sentence is one line.
std::string one_line(std::string_view text);

/// The first `bytes` of it, or a few less, and "..." where more follow.
std::string one_line(std::string_view text, std::size_t bytes);

/// Whether `text` is valid UTF-8.
bool is_utf8(std::string_view text);

}  // namespace paretiny
