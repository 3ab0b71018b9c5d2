// Standard input and output, whose other ends may go away.
#pragma once

#include <string_view>

namespace paretiny::cli {

/// Writes to standard error. Nobody reading it is no failure: `paretiny search ... 2>&1 | head`
/// must not end a search.
void say(std::string_view text);

/// The same of what goes on, which the log level may leave out.
void inform(std::string_view text);

/// Keeps descriptors 0 to 2 from being taken by files that are opened later, where the program was
/// started with some of them closed; what reads or writes them fails as before.
void keep_standard_descriptors();

/// Writes what standard output still holds. Throws DataError when that, or something written
/// before, could not be written (a full disk, a reader that went away).
void flush_output();

/// After the last line of standard input: throws DataError where it was not its end but something
/// that cannot be read, as a folder or a closed descriptor.
void check_input_ended();

}  // namespace paretiny::cli
