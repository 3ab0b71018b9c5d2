// Writing where the reader may go away.
#pragma once

#include <string_view>

namespace paretiny {

/// Writes to standard error. Nobody reading it is no failure: `paretiny search ... 2>&1 | head`
/// must not end a search.
void say(std::string_view text);

/// Keeps descriptors 0 to 2 from being taken by files that are opened later, where the program was
/// started with some of them closed; what reads or writes them fails as before.
void keep_standard_descriptors();

/// Writes what standard output still holds. Throws DataError when that, or something written
/// before, could not be written (a full disk, a reader that went away).
void flush_output();

}  // namespace paretiny
