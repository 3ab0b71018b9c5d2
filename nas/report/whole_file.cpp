#include "nas/report/whole_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/error.h"

namespace paretiny::report {
namespace {

/// The file that a text is written to before it gets its name. There is one for a name, so what a
/// killed process left is used by the next, and one process at a time holds it: two that end one
/// study write its report at once.
class Draft {
 public:
  explicit Draft(std::string path) : path_(std::move(path)) {
    do {
      if (file_ >= 0) close(file_);
      file_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
      if (file_ < 0) return;
      // File systems without locks have one writer or none that waits.
      while (flock(file_, LOCK_EX) != 0 && errno == EINTR) {
      }
    } while (gone());
  }
  ~Draft() {
    if (file_ < 0) return;
    if (!named_) unlink(path_.c_str());
    close(file_);
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  /// Leaves the reason in errno when it cannot.
  bool write_as(const std::string& text, const std::string& name) {
    if (file_ < 0 || ftruncate(file_, 0) != 0) return false;
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t written = write(file_, text.data() + at, text.size() - at);
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return false;
      at += static_cast<std::size_t>(written);
    }
    // Or a power cut could leave the name with nothing behind it.
    if (fsync(file_) != 0) return false;
    named_ = rename(path_.c_str(), name.c_str()) == 0;
    return named_;
  }

 private:
  /// Whether the one who held it before has given the file its name.
  bool gone() const {
    struct stat mine {};
    struct stat there {};
    if (fstat(file_, &mine) != 0) return false;
    return stat(path_.c_str(), &there) != 0 || mine.st_ino != there.st_ino;
  }

  const std::string path_;
  int file_ = -1;
  bool named_ = false;
};

}  // namespace

void write_whole(const std::filesystem::path& path, const std::string& text) {
  Draft draft(path.string() + ".part");
  if (draft.write_as(text, path.string())) return;
  const std::error_code error(errno == 0 ? EIO : errno, std::generic_category());
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

}  // namespace paretiny::report
