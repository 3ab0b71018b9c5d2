// Where the reference data sets and vectors lie.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace paretiny::test {

/// `path` in the folder that PARETINY_SHARED names in the environment, else in that of the build:
/// a program that runs on another machine finds there what it was sent along with. What is not
/// there is for the test to skip, saying this path.
inline std::filesystem::path shared(const std::string& path) {
  const char* given = std::getenv("PARETINY_SHARED");
  return std::filesystem::path(given == nullptr ? PARETINY_SHARED : given) / path;
}

}  // namespace paretiny::test
