// Every operation on files that search, ask and tell make fails once, or is their last: what was
// acknowledged is kept, what went wrong is said in one sentence, and the same command goes on.
// PARETINY_FAULTS=1 tries every operation; a run in the suite tries a few of each kind.
#include <fmt/core.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/nas/cli/cli_fixture.h"

namespace paretiny::cli {
namespace {

using namespace test;
using nlohmann::json;

const std::vector<std::string> kKinds = {"kill", "torn", "eio", "enospc", "full", "short"};

class FaultTest : public FolderTest {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer must be the first library";
#endif
    write_text(folder_ / "box.toml",
               "[study]\nsampler = \"random\"\n[space.x]\nlow = 0.0\nhigh = 1.0\n"
               "[objectives.loss]\n");
    std::filesystem::create_directories(before_);
  }

  Ended paretiny(const std::vector<std::string>& arguments, const std::string& input = "") {
    if (input.empty()) return test::run(folder_, arguments);
    write_text(folder_ / "input", input);
    const int kept = dup(STDIN_FILENO);
    const int file = ::open((folder_ / "input").c_str(), O_RDONLY);
    dup2(file, STDIN_FILENO);
    close(file);
    const Ended ended = test::run(folder_, arguments);
    dup2(kept, STDIN_FILENO);
    close(kept);
    return ended;
  }

  /// The same with a fault at operation `at`; `operations_` is set where the program came to its
  /// end.
  Ended faulted(const std::string& kind, long at, const std::vector<std::string>& arguments,
                const std::string& input = "") {
    const std::filesystem::path count = folder_ / "count";
    std::filesystem::remove(count);
    const std::vector<std::pair<const char*, std::string>> variables = {
        {"FAULT_DIR", work_.string()},
        {"FAULT_KIND", kind},
        {"FAULT_AT", std::to_string(at)},
        {"FAULT_COUNT", count.string()},
        {"LD_PRELOAD", PARETINY_FAULT}};
    for (const auto& [name, value] : variables) setenv(name, value.c_str(), 1);
    const Ended ended = paretiny(arguments, input);
    for (const auto& [name, value] : variables) unsetenv(name);
    std::ifstream(count) >> operations_;
    return ended;
  }

  void restore() {
    std::filesystem::remove_all(work_);
    std::filesystem::copy(before_, work_, std::filesystem::copy_options::recursive);
  }

  /// Runs `arguments` under faults, on what lies in before_, and has `check` look at each.
  template <class Check>
  void sweep(const std::vector<std::string>& arguments, const std::string& input,
             const Check& check) {
    restore();
    const Ended whole = faulted("none", 0, arguments, input);
    ASSERT_EQ(whole.code, 0) << whole.err;
    const long operations = operations_;
    ASSERT_GT(operations, 10);
    const long tries = std::getenv("PARETINY_FAULTS") != nullptr ? operations : 6;
    for (std::size_t k = 0; k < kKinds.size(); ++k) {
      for (long i = 0; i < tries; ++i) {
        const long at =
            1 + (i * operations + static_cast<long>(k) * operations / long(kKinds.size())) / tries;
        SCOPED_TRACE(fmt::format("{} at operation {} of {}", kKinds[k], at, operations));
        restore();
        const Ended ended = faulted(kKinds[k], std::min(at, operations), arguments, input);
        if (ended.code != 0 && ended.code != -SIGKILL) {
          const bool known = ended.code == 3 || ended.code == 6;
          EXPECT_TRUE(refused(ended, known ? ended.code : 6, {}));
        }
        check(ended);
        if (HasFailure()) return;
      }
    }
  }

  static std::vector<json> lines_of(const std::string& text) {
    std::vector<json> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
      json parsed = json::parse(line, nullptr, false);
      if (!parsed.is_discarded()) lines.push_back(std::move(parsed));
    }
    return lines;
  }

  /// Asks under faults; what was given stays given, and the next ask gives something else.
  void sweep_ask() {
    const std::vector<std::string> ask = {"ask",      store_.string(), "--space",
                                          "box.toml", "--count",       "2"};
    sweep(ask, "", [&](const Ended& ended) {
      std::set<std::int64_t> given;
      for (const json& line : lines_of(ended.out)) given.insert(line["trial"].get<std::int64_t>());
      const Ended next = paretiny(ask);
      ASSERT_EQ(next.code, 0) << next.err << ended.err;
      const auto more = lines_of(next.out);
      ASSERT_EQ(more.size(), 2u);
      for (const json& line : more) {
        EXPECT_TRUE(given.insert(line["trial"].get<std::int64_t>()).second) << "given twice";
      }
      const auto trials = study::open_study(store_)->trials();
      for (const std::int64_t number : given) {
        EXPECT_EQ(trials.at(static_cast<std::size_t>(number)).state, study::TrialState::running);
      }
    });
  }

  const std::filesystem::path before_ = folder_ / "before";
  const std::filesystem::path work_ = folder_ / "work";
  const std::filesystem::path store_ = work_ / "s.sqlite";
  long operations_ = 0;
};

TEST_F(FaultTest, TheFirstAsk) {
  sweep_ask();
}

TEST_F(FaultTest, ALaterAsk) {
  ASSERT_EQ(paretiny({"ask", (before_ / "s.sqlite").string(), "--space", "box.toml"}).code, 0);
  sweep_ask();
}

TEST_F(FaultTest, Tell) {
  const std::string store = (before_ / "s.sqlite").string();
  ASSERT_EQ(paretiny({"ask", store, "--space", "box.toml", "--count", "4"}).code, 0);
  std::string results;
  for (int i = 0; i < 4; ++i) {
    results += fmt::format("{{\"trial\": {}, \"objectives\": {{\"loss\": {}}}}}\n", i, i);
  }
  sweep({"tell", store_.string()}, results, [&](const Ended& ended) {
    const std::vector<study::Trial> trials = study::open_study(store_)->trials();
    ASSERT_EQ(trials.size(), 4u);
    for (const json& line : lines_of(ended.out)) {
      const std::int64_t number = line.at("trial");
      const study::Trial& trial = trials.at(static_cast<std::size_t>(number));
      EXPECT_EQ(trial.state, study::TrialState::done) << number;
      EXPECT_EQ(trial.objectives, std::vector<double>{static_cast<double>(number)});
    }
    const Ended next = paretiny({"tell", store_.string()}, results);
    EXPECT_TRUE(next.code == 0 || next.code == 3) << next.err;
    const std::vector<study::Trial> told = study::open_study(store_)->trials();
    for (const study::Trial& trial : told)
      EXPECT_EQ(trial.state, study::TrialState::done) << trial.number;
  });
}

TEST_F(FaultTest, Search) {
  file(tiny_experiment() + tiny_space());
  const std::vector<std::string> search = {"search",   "tiny.toml",
                                           "--trials", "2",
                                           "--set",    "study.store=" + store_.string(),
                                           "--set",    "study.sampler=random",
                                           "--set",    "dataset.samples=100",
                                           "--set",    "training.batch=8",
                                           "--set",    "constraints.rom=1 MB"};
  std::filesystem::create_directories(work_);
  ASSERT_EQ(paretiny(search).code, 0);
  const std::vector<study::Trial> whole = study::open_study(store_)->trials();
  sweep(search, "", [&](const Ended& ended) {
    const Ended next = paretiny(search);
    ASSERT_EQ(next.code, 0) << next.err << ended.err;
    expect_equal(whole, study::open_study(store_)->trials());
    for (const auto& entry : std::filesystem::directory_iterator(work_ / "s")) {
      EXPECT_NE(entry.path().extension(), ".part");
    }
  });
}

TEST_F(FaultTest, Reproduce) {
  const std::vector<std::string> reproduce = {
      "reproduce", "synthetic2d", "--budget", "cpu", "--samplers", "random",
      "--seeds",   "0..1",        "--trials", "2",   "--out",      (work_ / "r").string()};
  const std::filesystem::path studies = work_ / "r" / "studies";
  std::filesystem::create_directories(work_);
  ASSERT_EQ(paretiny(reproduce).code, 0);
  const std::vector<study::Trial> whole = study::open_study(studies / "random-1.sqlite")->trials();
  sweep(reproduce, "", [&](const Ended& ended) {
    const Ended next = paretiny(reproduce);
    ASSERT_EQ(next.code, 0) << next.err << ended.err;
    expect_equal(whole, study::open_study(studies / "random-1.sqlite")->trials());
    for (const auto& entry : std::filesystem::directory_iterator(work_ / "r")) {
      EXPECT_NE(entry.path().extension(), ".part");
    }
  });
}

/// What opens the study's file, by name.
TEST_F(FaultTest, AnAskOpensTheStudyOnce) {
  const std::vector<std::string> ask = {"ask", store_.string()};
  ASSERT_EQ(paretiny({"ask", (before_ / "s.sqlite").string(), "--space", "box.toml"}).code, 0);
  restore();
  setenv("FAULT_OPENS_OF", store_.c_str(), 1);
  const Ended ended = faulted("none", 0, ask);
  unsetenv("FAULT_OPENS_OF");
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(operations_, 1);
}

}  // namespace
}  // namespace paretiny::cli
