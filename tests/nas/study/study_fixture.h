// A study in a folder of its own, for the tests of its store.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/error.h"
#include "nas/study/study.h"

namespace paretiny::study {

namespace fs = std::filesystem;

inline StudyHeader example_header() {
  StudyHeader header;
  header.name = "demo";
  header.space = "width real [0.25, 1]\ndepth integer [1, 4]\n";
  header.objectives = {{"error", "", 0.2, "0.2", {}, Measure::share},
                       {"rom", "B", 262144.0, "256 KB", {}, Measure::size}};
  header.task = "synthetic, mobilenet_v3, 5 epochs";
  header.seed = 0xFEDCBA9876543210u;
  header.sampler = "ars";
  header.experiment = "[study]\nname = \"demo\"\n";
  header.version = "0.1.0";
  return header;
}

inline space::Values example_values(std::int64_t number) {
  return {{"width", 0.1 * static_cast<double>(number)}, {"depth", number}, {"act", "relu"}};
}

/// Adds trial `number` with its example values, waiting.
inline void add_waiting(Study& study, std::int64_t number, std::uint64_t architecture = 0,
                        std::uint64_t seed = 0) {
  const Lease lease{"nobody", std::chrono::minutes(1)};
  ASSERT_TRUE(study.add_trial(number, example_values(number), architecture, seed, lease));
  ASSERT_TRUE(study.release(number, lease.owner));
}

inline std::string slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void spill(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

class StudyTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        fs::temp_directory_path() / ("paretiny_study_" + std::to_string(getpid()) + "_" +
                                     testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    path_ = folder_ / "study.db";
  }
  void TearDown() override { fs::remove_all(folder_); }

  /// What opening says, or "" if it succeeds.
  std::string refusal(const StudyHeader& header) {
    try {
      create_or_open_study(path_, header);
    } catch (const StoreError& error) {
      return error.what();
    }
    return {};
  }

  fs::path folder_;
  fs::path path_;
  std::string me_ = process_owner();
};

#define EXPECT_SAYS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

}  // namespace paretiny::study
