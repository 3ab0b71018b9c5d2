// Exports that are built and run by tests.
#pragma once

#include <gtest/gtest.h>

#include "engine/deploy/code/c_code.h"
#include "tests/support/temp_folder.h"

namespace paretiny::test {

/// A test with a folder for one export at a time.
class ExportedFolder : public testing::Test {
 protected:
  /// Writes an export in place of what was there.
  void put(const deploy::Files& files) const {
    std::filesystem::remove_all(folder_);
    for (const auto& [name, text] : files) temporary_.write(name, text);
  }

  const TempFolder temporary_;
  const std::filesystem::path folder_ = temporary_.path();
};

}  // namespace paretiny::test
