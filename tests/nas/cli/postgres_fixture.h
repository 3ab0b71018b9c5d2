// The program with studies in PostgreSQL.
#pragma once

#include "tests/nas/cli/cli_fixture.h"
#include "tests/nas/study/postgres_server.h"

namespace paretiny::test {

class PostgresCliTest : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    PARETINY_NEEDS_POSTGRES();
    server_ = PostgresServer::shared();
    place_ = server_->study(testing::UnitTest::GetInstance()->current_test_info()->name());
  }

  /// A small search of the test's study.
  std::vector<std::string> of_study(const std::vector<std::string>& command,
                                    const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words = command;
    for (const std::string& setting :
         {"study.name=" + place_.name(), "study.store=" + server_->uri(),
          std::string("sampler.policies=2"), std::string("sampler.steps=3")}) {
      words.insert(words.end(), {"--set", setting});
    }
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  std::vector<std::string> worker(const std::vector<std::string>& more = {}) const {
    return of_study({"worker", "tiny.toml", "--lease", "20"}, more);
  }
  std::vector<study::Trial> placed_trials() { return study::open_study(place_)->trials(); }

  /// Waits until a worker has trained an epoch of a trial.
  bool wait_for_epoch() {
    for (int i = 0; i < 3000; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      try {
        const auto study = study::open_study(place_);
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

  PostgresServer* server_ = nullptr;
  study::Location place_;
};

/// Training that lasts until it is stopped.
inline std::vector<std::string> endless() {
  return {"--set", "training.epochs=100000", "--set", "dataset.samples=1000",
          "--set", "constraints.rom=1 MB",   "--set", "study.trials=3"};
}

}  // namespace paretiny::test
