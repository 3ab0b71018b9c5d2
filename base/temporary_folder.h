// A folder for the length of a scope.
#pragma once

#include <filesystem>
#include <system_error>

#include "base/error.h"

namespace paretiny {

/// Made at once and removed again with all that is in it, unless it was moved away. Throws
/// DataError.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {
    std::error_code error;
    std::filesystem::create_directories(path_, error);
    if (error) throw DataError("cannot make the folder " + path_.string() + ": " + error.message());
  }
  ~TemporaryFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  const std::filesystem::path path_;
};

}  // namespace paretiny
