#include "nas/cli/terminal/output.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "base/error.h"
#include "base/log.h"

namespace paretiny::cli {

void say(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

void inform(std::string_view text) {
  if (logs(LogLevel::info)) say(text);
}

void keep_standard_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) >= 0) continue;
    // The lowest that is free, and that is this one.
    [[maybe_unused]] const int taken =
        ::open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

void check_input_ended() {
  if (std::ferror(stdin) == 0) return;
  throw DataError(std::string("standard input cannot be read: ") +
                  std::strerror(errno == 0 ? EIO : errno));
}

void flush_output() {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return;
  throw DataError(std::string("standard output cannot be written: ") +
                  std::strerror(errno == 0 ? EIO : errno));
}

}  // namespace paretiny::cli
