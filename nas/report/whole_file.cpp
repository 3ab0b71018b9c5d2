#include "nas/report/whole_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <system_error>

#include "kernels/error.h"

namespace paretiny {

void write_whole(const std::filesystem::path& path, const std::string& text) {
  // Two processes that end one study write its report at once.
  const std::filesystem::path draft = fmt::format("{}.{}.part", path.string(), getpid());
  std::error_code error;
  errno = 0;
  std::ofstream file(draft, std::ios::binary);
  file << text;
  file.close();
  if (!file) {
    error.assign(errno == 0 ? EIO : errno, std::generic_category());
  } else {
    std::filesystem::rename(draft, path, error);
  }
  if (!error) return;
  std::error_code ignored;
  std::filesystem::remove(draft, ignored);
  throw DataError(fmt::format("'{}' cannot be written: {}", path.string(), error.message()));
}

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    throw DataError(
        fmt::format("the folder '{}' cannot be made: {}", folder.string(), error.message()));
  }
}

}  // namespace paretiny
