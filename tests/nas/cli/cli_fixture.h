// An experiment in a folder of its own, run by the program.
#pragma once

#include <gtest/gtest.h>

#include "base/error.h"
#include "nas/study/study.h"
#include "tests/nas/cli/program.h"
#include "tests/nas/search/experiments.h"

namespace paretiny::test {

/// A run that must end with `code` and, on standard error, one line that holds all of `parts`.
inline testing::AssertionResult refused(const Ended& ended, int code,
                                        const std::vector<std::string>& parts) {
  if (ended.code != code) {
    return testing::AssertionFailure() << "exit code " << ended.code << ": " << ended.err;
  }
  const std::size_t last = ended.err.rfind("paretiny: ");
  if (last == std::string::npos || ended.err.find('\n', last) != ended.err.size() - 1) {
    return testing::AssertionFailure() << "not one sentence at the end: " << ended.err;
  }
  return says(ended.err.substr(last), parts);
}

class CliTest : public FolderTest {
 protected:
  CliTest() { file(tiny_experiment() + tiny_space()); }

  Ended run(const std::vector<std::string>& arguments, const std::string& out = "") {
    return test::run(folder_, arguments, out);
  }
  Ended search(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"search", "tiny.toml"});
    return run(more);
  }
  std::vector<study::Trial> trials(const std::string& name = "tiny.sqlite") {
    return study::open_study(folder_ / name)->trials();
  }

  /// Waits until a process has trained an epoch of a trial; false when none does.
  bool wait_for_work(const std::string& name) {
    for (int i = 0; i < 3000; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      if (!std::filesystem::exists(folder_ / name)) continue;
      try {
        const auto study = study::open_study(folder_ / name);
        for (const study::Trial& trial : study->trials()) {
          if (trial.state == study::TrialState::running && !study->epochs(trial.number).empty()) {
            return true;
          }
        }
      } catch (const StoreError&) {
        // It is being made.
      }
    }
    return false;
  }
};

}  // namespace paretiny::test
