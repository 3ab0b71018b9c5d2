// On a GPU, ops that NVIDIA's libraries take are tested with them and without.
#pragma once

#include <cstdlib>
#include <vector>

#include "tests/support/kernels.h"

namespace paretiny::test {

/// With the libraries, and without them where there is a choice.
inline std::vector<bool> library_choices() {
  if (test_device().kind != DeviceKind::cuda || slow_device()) return {true};
  return {true, false};
}

/// What streams made while it lives do.
class LibraryChoice {
 public:
  explicit LibraryChoice(bool libraries) {
    setenv("PARETINY_CUDA_LIBRARIES", libraries ? "on" : "off", 1);
  }
  ~LibraryChoice() { unsetenv("PARETINY_CUDA_LIBRARIES"); }
  LibraryChoice(const LibraryChoice&) = delete;
  LibraryChoice& operator=(const LibraryChoice&) = delete;
};

}  // namespace paretiny::test
