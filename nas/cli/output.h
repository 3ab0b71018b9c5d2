// Writing where the reader may go away.
#pragma once

#include <string>

namespace paretiny {

/// Writes to standard error. Nobody reading it is no failure: `paretiny search ... 2>&1 | head`
/// must not end a search.
void say(const std::string& text);

/// Writes what standard output still holds. Throws DataError when that, or something written
/// before, could not be written (a full disk, a reader that went away).
void flush_output();

}  // namespace paretiny
