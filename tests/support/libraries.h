// On a GPU, ops that NVIDIA's libraries take are tested with them and without; where
// PARETINY_CUDA_LIBRARIES=off leaves them out of the whole program, only without.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/kernels.h"

namespace paretiny::test {

/// What the environment says of the libraries.
inline std::optional<std::string> libraries_wish() {
  const char* wish = std::getenv("PARETINY_CUDA_LIBRARIES");
  return wish == nullptr ? std::nullopt : std::optional<std::string>(wish);
}

/// With the libraries, and without them where there is a choice.
inline std::vector<bool> library_choices() {
  if (libraries_wish() == "off") return {false};
  if (test_device().kind != DeviceKind::cuda || slow_device()) return {true};
  return {true, false};
}

/// What streams made while it lives do.
class LibraryChoice {
 public:
  explicit LibraryChoice(bool libraries) : before_(libraries_wish()) {
    setenv("PARETINY_CUDA_LIBRARIES", libraries ? "on" : "off", 1);
  }
  ~LibraryChoice() {
    if (before_) {
      setenv("PARETINY_CUDA_LIBRARIES", before_->c_str(), 1);
    } else {
      unsetenv("PARETINY_CUDA_LIBRARIES");
    }
  }
  LibraryChoice(const LibraryChoice&) = delete;
  LibraryChoice& operator=(const LibraryChoice&) = delete;

 private:
  std::optional<std::string> before_;
};

}  // namespace paretiny::test
