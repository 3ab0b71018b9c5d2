// Experiments that take a second, and a folder to keep them in.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "nas/study/study.h"

namespace paretiny::test {

/// Everything but [space]: 300 made samples, a DS-CNN of one block.
inline std::string tiny_experiment() {
  return R"([study]
name = "tiny"
store = "tiny.sqlite"
trials = 8
initial = 4
seed = 3
sampler = "ars"

[dataset]
format = "synthetic"
samples = 300
length = 64
validation = 0.2

[model]
name = "ds_cnn"
blocks = 1

[training]
epochs = 1
batch = 32
precision = "f32"

[pruning]
schedule = "agp"
begin = 0.0

[constraints]
rom = "5 KB"
)";
}

inline std::string tiny_space() {
  return R"(
[space.model.width]
low = 0.1
high = 1.5

[space.training.epochs]
low = 1
high = 2

[space.training.learning_rate]
low = 0.01
high = 0.5
log = true

[space.pruning.sparsity]
low = 0.0
high = 0.6

[space.pruning.criterion]
choices = ["l1", "taylor"]
)";
}

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

/// Whether a message holds all of `parts`.
inline testing::AssertionResult says(const std::string& message,
                                     const std::vector<std::string>& parts) {
  for (const std::string& part : parts) {
    if (message.find(part) == std::string::npos) {
      return testing::AssertionFailure() << "'" << part << "' is not in: " << message;
    }
  }
  return testing::AssertionSuccess();
}

/// The same trials, whatever the time they took.
inline void expect_equal(const std::vector<study::Trial>& a, const std::vector<study::Trial>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].values, b[i].values) << "trial " << i;
    EXPECT_EQ(a[i].state, b[i].state) << "trial " << i;
    EXPECT_EQ(a[i].seed, b[i].seed) << "trial " << i;
    EXPECT_EQ(a[i].reason, b[i].reason) << "trial " << i;
    ASSERT_EQ(a[i].objectives.size(), b[i].objectives.size());
    for (std::size_t m = 0; m < a[i].objectives.size(); ++m) {
      const double left = a[i].objectives[m];
      const double right = b[i].objectives[m];
      EXPECT_TRUE(left == right || (std::isnan(left) && std::isnan(right))) << "trial " << i;
    }
  }
}

/// A test with a folder of its own, gone afterwards.
class FolderTest : public testing::Test {
 protected:
  FolderTest() {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::temp_directory_path() /
              ("paretiny_" + std::to_string(getpid()) + "_" + info->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~FolderTest() override { std::filesystem::remove_all(folder_); }

  /// Writes an experiment and returns its path.
  std::filesystem::path file(const std::string& text, const std::string& name = "tiny.toml") {
    write_text(folder_ / name, text);
    return folder_ / name;
  }

  std::filesystem::path folder_;
};

}  // namespace paretiny::test
