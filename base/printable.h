// Text of files and of people, fit to stand in a file that others read.
#pragma once

#include <string>
#include <string_view>

namespace paretiny {

/// `text` as valid UTF-8 on one line. Bytes that are no UTF-8 become U+FFFD; control characters and
/// separators of lines become blanks, and so do the marks that change the direction of writing,
/// which can show code in another order than a compiler reads it.
std::string printable(std::string_view text);

/// Whether `text` is valid UTF-8.
bool is_utf8(std::string_view text);

}  // namespace paretiny
