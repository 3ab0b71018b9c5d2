#include "nas/report/report.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "nas/report/whole_file.h"
#include "nas/summary/summary.h"
#include "tests/nas/report/made_trials.h"
#include "tests/nas/search/experiments.h"

namespace paretiny::report {

using study::Trial;

namespace {

using namespace test;

namespace fs = std::filesystem;

std::string slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A study in memory, as far as a report asks.
class MadeStudy final : public study::Study {
 public:
  explicit MadeStudy(std::vector<Trial> trials, study::StudyHeader header = example_header())
      : header_(std::move(header)), trials_(std::move(trials)) {}
  const study::StudyHeader& header() const override { return header_; }
  std::string identity() override { return "made"; }
  const std::vector<Trial>& trials() override { return trials_; }
  std::int64_t trial_count() override { return static_cast<std::int64_t>(trials_.size()); }
  std::vector<study::EpochRecord> epochs(std::int64_t number) override {
    const study::TrialState state = trials_[static_cast<std::size_t>(number)].state;
    if (state == study::TrialState::stopped) return {{1, 1.5, 0.4, 0.0}};
    if (state != study::TrialState::done) return {};
    return {{1, 1.5, 0.4, 0.0}, {2, kNan, 0.6, 0.25}, {3, 0.7, 0.8, 0.5}};
  }
  std::vector<study::StepRecord> steps(std::int64_t) override { return {}; }
  std::vector<std::uint8_t> model(std::int64_t) override { return {}; }
  std::vector<std::uint8_t> checkpoint(std::int64_t) override { return {}; }
  std::int64_t checkpoint_epochs(std::int64_t) override { return 0; }
  std::vector<study::Holder> holders() override { return {}; }
  void at_one_moment(const std::function<void()>& reading) override { reading(); }
  std::vector<study::RunRecord> runs() override {
    return {{"2026-01-01T00:00:00.000Z", {{"stop", "off"}}},
            {"2026-01-01T00:00:01.000Z", {{"stop", "hypervolume"}, {"stop_alpha", "0.1"}}}};
  }
  std::optional<Trial> add_trial(std::int64_t, const space::Values&, std::uint64_t, std::uint64_t,
                                 const study::Lease&) override {
    return {};
  }
  std::optional<Trial> claim(const study::Lease&) override { return {}; }
  bool renew(std::int64_t, const study::Lease&) override { return false; }
  bool release(std::int64_t, const std::string&) override { return false; }
  bool add_epoch(std::int64_t, const std::string&, const study::EpochRecord&) override {
    return false;
  }
  bool add_step(std::int64_t, const std::string&, const study::StepRecord&) override {
    return false;
  }
  bool decide(std::int64_t, const std::string&, const stopping::StopVerdict&) override {
    return false;
  }
  bool keep_checkpoint(std::int64_t, const std::string&, std::int64_t,
                       std::span<const std::uint8_t>) override {
    return false;
  }
  bool begin_anew(std::int64_t, const std::string&) override { return false; }
  Trial reopen(std::int64_t, const study::Lease&) override { return {}; }
  bool add_run(const std::map<std::string, std::string>&) override { return false; }
  bool conclude(std::int64_t, const std::string&, study::TrialState,
                const study::TrialResult&) override {
    return false;
  }

 private:
  study::StudyHeader header_;
  std::vector<Trial> trials_;
};

class ReportTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("paretiny_report_" + std::to_string(getpid()));
    fs::remove_all(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string page_of(std::vector<Trial> trials) {
    MadeStudy study(std::move(trials));
    write_report(study, folder_);
    return slurp(folder_ / "report.html");
  }

  fs::path folder_;
};

std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST_F(ReportTest, EveryStoreHasAFolderOfItsOwn) {
  fs::create_directories(folder_ / "a");
  fs::create_directories(folder_ / "b");
  std::set<fs::path> folders;
  for (const char* name : {"a/s.sqlite", "b/s.sqlite", "a/s", "a/s.db", "a/s.report",
                           "a/s.report.sqlite", "a/s.sqlite.sqlite", "a/S.sqlite", "a/.sqlite"}) {
    EXPECT_TRUE(folders.insert(report_folder(folder_ / name, "")).second) << name;
  }
  EXPECT_EQ(report_folder(folder_ / "a/demo.sqlite", ""), fs::canonical(folder_) / "a/demo");
  EXPECT_EQ(report_folder(folder_ / "a/demo.db", ""), fs::canonical(folder_) / "a/demo.db.report");
  EXPECT_EQ(report_folder(folder_ / "a/demo.sqlite", "elsewhere"), "elsewhere");
}

TEST_F(ReportTest, TheFolderIsTheStoresByWhateverNameItIsReached) {
  fs::create_directories(folder_ / "a");
  std::ofstream(folder_ / "a/s.sqlite") << "study";
  fs::create_symlink("a/s.sqlite", folder_ / "link.sqlite");
  fs::create_directory_symlink("a", folder_ / "b");
  const fs::path there = fs::canonical(folder_) / "a/s";
  const fs::path here = fs::current_path();
  fs::current_path(folder_ / "a");
  EXPECT_EQ(report_folder("s.sqlite", ""), there);
  EXPECT_EQ(report_folder("../a/./s.sqlite", ""), there);
  fs::current_path(here);
  EXPECT_EQ(report_folder(folder_ / "link.sqlite", ""), there);
  EXPECT_EQ(report_folder(folder_ / "b/s.sqlite", ""), there);
}

TEST_F(ReportTest, WhatAKilledWriterLeftIsWrittenOver) {
  fs::create_directories(folder_);
  std::ofstream(folder_ / "report.html.part") << std::string(1 << 20, 'x');
  EXPECT_GT(page_of(made_trials(3)).size(), 1000u);
  EXPECT_EQ(slurp(folder_ / "report.html").find("xxxx"), std::string::npos);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 4) << "no drafts are left";
}

TEST_F(ReportTest, ManyMayWriteOneFile) {
  fs::create_directories(folder_);
  const fs::path path = folder_ / "file";
  const auto text_of = [](int writer) {
    return std::string(100000, static_cast<char>('a' + writer));
  };
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&, writer] {
      for (int i = 0; i < 25; ++i) write_whole(path, text_of(writer));
    });
  }
  for (std::thread& writer : writers) writer.join();
  const std::string text = slurp(path);
  ASSERT_EQ(text.size(), 100000u);
  EXPECT_EQ(text, text_of(text[0] - 'a'));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
}

TEST_F(ReportTest, WritesFourFilesThatAgree) {
  const std::vector<Trial> trials = made_trials(60);
  const std::string page = page_of(trials);
  const summary::StudySummary summary = summary::summarise(example_header().objectives, trials);
  EXPECT_EQ(occurrences(page, "<tr data-trial="), summary.front.size());

  const auto json = nlohmann::json::parse(slurp(folder_ / "study.json"));
  EXPECT_EQ(json["trials"].size(), 60u);
  EXPECT_EQ(json["study"]["name"], example_header().name);
  EXPECT_EQ(json["front"].size(), summary.front.size());
  EXPECT_EQ(json["hypervolume"].back(), summary.hypervolume.back());
  const auto best = json["front"][0].get<std::size_t>();
  EXPECT_EQ(json["trials"][best]["epochs"].size(), 3u);
  EXPECT_TRUE(json["trials"][best]["epochs"][1]["loss"].is_null());

  std::istringstream front(slurp(folder_ / "front.csv"));
  std::string line;
  std::getline(front, line);
  double last = 0;
  std::size_t rows = 0;
  while (std::getline(front, line)) {
    const double error = std::stod(line.substr(line.find(',') + 1));
    EXPECT_GE(error, last);
    last = error;
    ++rows;
  }
  EXPECT_EQ(rows, summary.front.size());
  EXPECT_EQ(occurrences(slurp(folder_ / "trials.csv"), "2026-01-01T00:00:03.500Z\n"), 60u);
  for (const auto& entry : fs::directory_iterator(folder_)) {
    EXPECT_NE(entry.path().extension(), ".part");
  }
}

TEST_F(ReportTest, UnitsOfABlackBoxAreText) {
  study::StudyHeader header = example_header();
  header.objectives[0].name = "<b>loss</b>";
  for (study::Objective& objective : header.objectives) objective.unit = "<b>\"'&";
  header.constraints.push_back({"<b>", "<b>", 1.0, 2.0});
  MadeStudy study(made_trials(20), header);
  write_report(study, folder_);
  const std::string page = slurp(folder_ / "report.html");
  const std::string before_plots = page.substr(0, page.find("<script"));
  EXPECT_EQ(before_plots.substr(before_plots.find("<body>")).find("<b>\""), std::string::npos);
  EXPECT_EQ(page.find("<b>loss"), std::string::npos);
  EXPECT_NE(page.find("&lt;b&gt;&quot;&#39;&amp;"), std::string::npos);
}

TEST_F(ReportTest, PageNeedsNothingFromOutsideAndEscapesEverything) {
  std::vector<Trial> trials = made_trials(20);
  const std::string evil = "</script><img src=x onerror=alert(1)>";
  for (Trial& trial : trials) {
    trial.values[evil] = evil;
    trial.metrics[evil] = 1;
    trial.reason = evil + "\xff";
  }
  const std::string page = page_of(trials);
  EXPECT_EQ(page.find("<img"), std::string::npos);
  EXPECT_EQ(page.find("alert(1)</script>"), std::string::npos);
  EXPECT_EQ(occurrences(page, "</script>"), 2u);
  EXPECT_NE(page.find("wrist &lt;sensor&gt; &amp; &quot;gesture&quot;"), std::string::npos);
  std::string outside = page;
  for (auto at = outside.find("http://www.w3.org/2000/svg"); at != std::string::npos;
       at = outside.find("http://www.w3.org/2000/svg")) {
    outside.erase(at, 26);  // a namespace, never fetched
  }
  EXPECT_EQ(outside.find("http://"), std::string::npos);
  EXPECT_EQ(outside.find("https://"), std::string::npos);
  EXPECT_EQ(page.find("src="), page.find("src=x onerror")) << "but in escaped text";
}

TEST_F(ReportTest, WorksForAnyNumberAndFateOfTrials) {
  EXPECT_NE(page_of({}).find("No trial is inside the limits yet."), std::string::npos);
  EXPECT_EQ(occurrences(page_of({}), "<h2>"), 7u);
  EXPECT_EQ(occurrences(page_of(made_trials(1)), "<h2>"), 8u);
  std::vector<Trial> failed = made_trials(12);
  for (Trial& trial : failed) {
    trial.state = study::TrialState::failed;
    trial.objectives.assign(4, kNan);
    trial.metrics.clear();
  }
  EXPECT_NE(page_of(failed).find("12 failed"), std::string::npos);
  EXPECT_NE(page_of(made_trials(1000)).find("<tr data-trial="), std::string::npos);
}

/// Trials 0 to 3: stopped at a third, run on although hopeless, rightly and wrongly, and let be.
std::vector<Trial> decided_trials() {
  std::vector<Trial> trials = made_trials(1);
  trials[0].state = study::TrialState::done;
  trials.resize(4, trials[0]);
  for (std::size_t i = 0; i < 4; ++i) {
    trials[i].number = static_cast<std::int64_t>(i);
    trials[i].objectives = {0.2, 1000, 1000, 1000};
    trials[i].verdict.emplace();
    trials[i].verdict->fraction = 1.0 / 3;
    trials[i].verdict->reason = stopping::StopReason::runs_on;
    trials[i].verdict->predicted = {0.4, 1000, 1000, 1000};
    trials[i].verdict->deviation = {0.0625, 0, 0, 0};
    trials[i].verdict->bound = {0.3, 1000, 1000, 1000};
  }
  trials[0].state = study::TrialState::stopped;
  trials[0].objectives[0] = kNan;
  trials[0].reason = "after 33 % of its epochs it cannot matter";
  trials[0].verdict->choice = stopping::StopChoice::stop;
  trials[0].verdict->reason = stopping::StopReason::hopeless;
  trials[0].verdict->armed = true;
  trials[1].objectives = {0.45, 2000, 2000, 2000};
  trials[2].objectives = {0.1, 1000, 1000, 1000};
  trials[3].verdict->reason = stopping::StopReason::hopeful;
  return trials;
}

/// What the page's scripts draw from.
nlohmann::json drawn_from(const std::string& page) {
  const std::string head = "<script type=\"application/json\" id=\"study\">";
  const std::size_t begin = page.find(head) + head.size();
  return nlohmann::json::parse(page.substr(begin, page.find("</script>", begin) - begin));
}

TEST_F(ReportTest, ShowsWhoWorkedWhenAndWhatWasSeenOnTheWay) {
  const std::string page = page_of(decided_trials());
  const nlohmann::json training = drawn_from(page)["training"];
  EXPECT_EQ(training["lanes"], 4) << "all four began at the same time";
  EXPECT_EQ(training["stretches"].size(), 4u);
  EXPECT_EQ(training["stretches"][2], (nlohmann::json{2, 2, 0.0, 3.5}));
  EXPECT_EQ(training["curves"]["0"], (nlohmann::json{{1, 0.6}}));
  EXPECT_EQ(training["curves"]["1"], (nlohmann::json{{1, 0.6}, {2, 0.4}, {3, 0.2}}));
  EXPECT_EQ(training["predictions"][0], (nlohmann::json{0, 0.4, 0.0625, 0.3, nullptr}));
  EXPECT_EQ(training["predictions"][1], (nlohmann::json{1, 0.4, 0.0625, 0.3, 0.45}));
  for (const char* part : {"chart workers", "chart curves", "chart predictions"}) {
    EXPECT_EQ(occurrences(page, part), 1u) << part;
  }
  EXPECT_EQ(page_of({}).find("id=\"training\""), std::string::npos);
}

TEST_F(ReportTest, ANameIsNoMeasure) {
  study::StudyHeader header = example_header();
  header.objectives[0].measure = study::Measure::share;
  header.objectives[1].name = "error";
  MadeStudy study(made_trials(3), header);
  write_report(study, folder_);
  const std::string page = slurp(folder_ / "report.html");
  const nlohmann::json objectives = drawn_from(page)["objectives"];
  EXPECT_EQ(objectives[0]["share"], true);
  EXPECT_EQ(objectives[1]["share"], false);
  EXPECT_EQ(page.find("=== 'error'"), std::string::npos) << "the scripts go by the measure";
}

TEST_F(ReportTest, TellsWhatWasStoppedAndHowOftenThatIsWrong) {
  const std::string page = page_of(decided_trials());
  EXPECT_NE(
      page.find("1 of 4 trials was stopped early; 83 % of the epochs were trained; of 2 that "
                "ran on to show how often stops are wrong, 1 would have been stopped wrongly."),
      std::string::npos)
      << page.substr(page.find("id=\"stops\""), 400);
  EXPECT_NE(page.find("Rule: off, then hypervolume (alpha 0.1)."), std::string::npos);
  EXPECT_NE(page.find("<tr><td>0</td><td>stopped</td><td>1</td><td>33 %</td><td>hopeless</td>"
                      "<td>0.4 ± 0.062</td><td>0.3</td><td>–</td></tr>"),
            std::string::npos);
  const auto json = nlohmann::json::parse(slurp(folder_ / "study.json"));
  EXPECT_EQ(json["stops"]["stopped"], 1);
  EXPECT_EQ(json["stops"]["below_bound"], 1);
  EXPECT_EQ(json["stops"]["wrong"], 1);
  EXPECT_EQ(json["runs"][1]["settings"]["stop"], "hypervolume");
  EXPECT_EQ(json["trials"][0]["verdict"]["reason"], "hopeless");
  for (const auto& member : json["front"]) EXPECT_NE(member, 0);
  const std::string csv = slurp(folder_ / "trials.csv");
  EXPECT_NE(csv.find(",finished,stop.verdict,stop.fraction,stop.gain,stop.predicted.error,"),
            std::string::npos);
  EXPECT_NE(csv.find("Z,hopeless,0.3333333333333333,,0.4,1000,1000,1000,0.0625,0,0,0,0.3,1000,"),
            std::string::npos)
      << csv;
  EXPECT_EQ(page_of(made_trials(4)).find("id=\"stops\""), std::string::npos);
}

TEST_F(ReportTest, SaysWhatCannotBeWritten) {
  MadeStudy study(made_trials(3));
  std::ofstream(folder_) << "a file";
  try {
    write_report(study, folder_);
    FAIL() << "wrote into a file";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find(folder_.string()), std::string::npos);
  }
  fs::remove(folder_);
  fs::create_directories(folder_ / "report.html");
  EXPECT_THROW(write_report(study, folder_), DataError);
}

}  // namespace
}  // namespace paretiny::report
