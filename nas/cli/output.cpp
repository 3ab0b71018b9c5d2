#include "nas/cli/output.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "kernels/error.h"

namespace paretiny {

void say(const std::string& text) {
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
}

void flush_output() {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return;
  throw DataError(std::string("standard output cannot be written: ") +
                  std::strerror(errno == 0 ? EIO : errno));
}

}  // namespace paretiny
