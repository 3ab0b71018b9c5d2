// Studies changed at random: their bytes and, behind the checksums, what their rows say. Whatever
// became of one, every command reads it or says in one sentence, with its name, why not.
#include <stop_token>

#include "engine/deploy/formats/model_file.h"
#include "engine/deploy/plan/footprint.h"
#include "kernels/core/cpu/cpu_stream.h"
#include "nas/black_box/asker.h"
#include "nas/black_box/tell.h"
#include "nas/cli/arguments/deploy_options.h"
#include "nas/cli/arguments/options.h"
#include "nas/report/csv.h"
#include "nas/report/page.h"
#include "nas/search/search.h"
#include "tests/engine/deploy/random_network.h"
#include "tests/nas/search/experiments.h"
#include "tests/nas/study/mutated_study.h"
#include "tests/nas/study/study_fixture.h"

namespace paretiny::study {
namespace {

using namespace std::chrono_literals;

/// The files of a study: its own, its write-ahead log, and what a torn rollback may have left.
struct StudyFiles {
  std::string database;
  std::string log;
  std::string journal{};
};

class StudyFuzzTest : public StudyTest {
 protected:
  void SetUp() override {
    StudyTest::SetUp();
    if (!fs::exists("/dev/shm")) return;
    fs::remove_all(folder_);
    folder_ = fs::path("/dev/shm") / folder_.filename();
    fs::create_directories(folder_);
    path_ = folder_ / "study.db";
  }

  /// A study of a black box with trials in every state, epochs and models; closed, and as a process
  /// that was killed leaves it.
  std::vector<StudyFiles> black_boxes() {
    std::vector<StudyFiles> made;
    for (const char* sampler : {"random", "lhs", "sobol", "nsga2"}) {
      const black_box::BlackBox box = black_box::parse_black_box(fmt::format(R"([study]
sampler = "{}"
initial = 4
[space.x]
low = 0.01
high = 10.0
log = true
[space.k]
low = 1
high = 9
[space.c]
choices = ["a", "b"]
[objectives.loss]
reference = 4.0
[objectives.time]
limit = 5.0
unit = "s"
[constraints.heat]
at_least = -5
at_most = 80
)",
                                                                             sampler),
                                                                 "box.toml");
      {
        const black_box::OpenBlackBox opened = black_box::open_black_box(path_, box, {}, Device{});
        black_box::Asker asker(opened, path_, Device{});
        for (int i = 0; i < 12; ++i) fill(*opened.study, asker.next());
        // Somebody who reads keeps the log from being emptied.
        Database reader(path_, Database::Mode::write);
        reader.execute("BEGIN");
        reader.text("SELECT header FROM study");
        fill(*opened.study, asker.next());
        made.push_back({slurp(path_), slurp(log_path())});
      }
      made.push_back({slurp(path_), ""});
      clear();
    }
    return made;
  }

  static void fill(Study& study, const Trial& trial) {
    const double at = static_cast<double>(trial.number);
    ASSERT_TRUE(study.add_epoch(trial.number, trial.owner, {1, 0.5, 0.5, 0}));
    ASSERT_TRUE(study.add_step(trial.number, trial.owner, {1, {0.5, at}}));
    switch (trial.number % 6) {
      case 0: {
        study.add_run({{"stop", "hypervolume"}, {"stop_alpha", "0.1"}});
        if (trial.number > 0) {  // left as it is
          ASSERT_TRUE(
              study.keep_checkpoint(trial.number, trial.owner, 1, std::array{std::uint8_t{1}}));
          break;
        }
        stopping::StopVerdict verdict;
        verdict.choice = stopping::StopChoice::stop;
        verdict.reason = stopping::StopReason::hopeless;
        verdict.predicted = verdict.bound = {0.5, 9};
        verdict.deviation = {0.1, 0};
        ASSERT_TRUE(study.conclude(trial.number, trial.owner, TrialState::stopped,
                                   {{std::nan(""), 9}, {}, "it cannot matter", {}, verdict}));
        break;
      }
      case 1:
        ASSERT_TRUE(study.fail(trial.number, trial.owner, "no reason"));
        break;
      case 2:
        ASSERT_TRUE(study.infeasible(trial.number, trial.owner,
                                     {{0.5, 9}, {{"heat", 81}}, "time 9 is above the limit"}));
        break;
      default: {
        std::vector<std::uint8_t> model;
        if (trial.number < 6) {
          const graph::Graph graph = test::random_graph(static_cast<std::uint64_t>(trial.number));
          model = deploy::to_bytes(test::deployed(test::random_network(graph, 1), "small"));
        }
        ASSERT_TRUE(
            study.finish(trial.number, trial.owner,
                         {{1 / (1 + at), 0.1 * at}, {{"heat", 8 * at}}, "", std::move(model)}));
      }
    }
  }

  /// A study of a search, its trials ended without training.
  StudyFiles searched() {
    {
      const auto study =
          create_or_open_study(path_, search::study_header(experiment_, dataset_, Device{}));
      for (std::int64_t number = 0; number < 6; ++number) {
        const space::Values values = experiment_.space.decode(
            std::vector<double>(experiment_.space.dimensions(), 0.1 + 0.15 * double(number)));
        const auto added =
            study->add_trial(number, values, static_cast<std::uint64_t>(number), 1, {"me", 1min});
        if (!added || number == 5) continue;
        EXPECT_TRUE(study->finish(number, "me", {{0.3, 4000, 3000, 1e5 + double(number)}, {}, ""}));
      }
    }
    StudyFiles files{slurp(path_), ""};
    clear();
    return files;
  }

  fs::path log_path() const { return path_.string() + "-wal"; }

  void clear() {
    for (const auto& entry : fs::directory_iterator(folder_)) fs::remove_all(entry.path());
  }

  /// Puts `files` where the study is, changed.
  void spill_changed(StudyFiles files, Random& random) {
    const std::uint64_t kind = random.below(10);
    if (kind < 3) {
      if (random.below(16) == 0) files.journal = files.database.substr(0, 3000);
      test::mutate_bytes(!files.log.empty() && random.below(2) == 0 ? files.log : files.database,
                         random);
      if (!files.journal.empty()) test::mutate_bytes(files.journal, random);
    }
    spill(path_, files.database);
    if (!files.log.empty()) spill(log_path(), files.log);
    if (!files.journal.empty()) spill(path_.string() + "-journal", files.journal);
    if (kind < 3) return;
    Database database(path_, Database::Mode::write);
    const auto number = static_cast<std::int64_t>(random.below(6));
    for (std::uint64_t k = kind == 9 ? 1 : 1 + random.below(2); k > 0; --k) {
      try {
        if (kind < 7) {
          test::mutate_trial(database, number, random);
        } else if (kind == 7) {
          test::mutate_header(database, random);
        } else if (kind == 8) {
          test::mutate_model(database, 3 + number % 3, random);
        } else {
          test::mutate_tables(database, number, random);
        }
        if (random.below(4) != 0) test::seal_tally(database);
      } catch (const StoreError&) {
        // A change that the change before left no place for.
      }
    }
  }

  /// Runs `command`; what it throws must be a sentence with the study's name. True when it did not.
  template <class Command>
  bool sound(const char* name, const Command& command) {
    std::string sentence;
    try {
      command();
      return true;
    } catch (const StoreError& error) {
      sentence = error.what();
    } catch (const DataError& error) {
      sentence = error.what();
    } catch (const UsageError& error) {
      sentence = error.what();
    }
    EXPECT_NE(sentence.find(path_.filename().string()), std::string::npos)
        << name << ": " << sentence;
    EXPECT_EQ(sentence.find_first_of("\n\r"), std::string::npos) << name << ": " << sentence;
    EXPECT_LT(sentence.size(), 600u) << name << ": " << sentence;
    return false;
  }

  void report() {
    const auto study = open_study(path_);
    const report::ReportData data = report::read_report_data(*study);
    EXPECT_FALSE(report::report_page(data).empty());
    EXPECT_FALSE(dump(report::study_json(data)).empty());
    report::trials_csv(data.header.objectives, data.trials);
    report::front_csv(data.header.objectives, data.trials, data.summary.front);
    cli::front_table(data.header.objectives, data.trials);
    for (const double volume : data.summary.hypervolume) EXPECT_FALSE(std::isnan(volume));
  }

  /// `planned`, since that takes longer than all the rest.
  void export_trials(bool planned) {
    const auto study = open_study(path_);
    for (const Trial& trial : study->trials()) {
      if (study->model(trial.number).empty()) continue;
      const cli::NamedModel named = cli::trial_model(*study, path_.string(), trial.number);
      if (planned) deploy::footprint(named.model.network);
    }
  }

  void ask() {
    const black_box::OpenBlackBox opened = black_box::open_black_box(path_, {}, {}, Device{});
    black_box::Asker(opened, path_, Device{}).next();
  }

  void tell(Random& random) {
    const auto study = black_box::open_to_tell(path_);
    const StudyHeader header = study->header();
    const std::vector<Trial> trials = study->trials();
    for (const Trial& trial : trials) {
      if (trial.state != TrialState::running) continue;
      nlohmann::json line{{"trial", trial.number}};
      for (const Objective& objective : header.objectives) line["objectives"][objective.name] = 0.5;
      for (const Constraint& each : header.constraints) line["constraints"][each.name] = 0.5;
      if (random.below(2) == 0) test::mutate_json(line, random);
      try {
        black_box::Teller(*study).tell(random.below(4) == 0 ? test::mutated_text(dump(line), random)
                                                            : dump(line));
      } catch (const DataError& error) {
        EXPECT_LT(std::string(error.what()).size(), 600u) << error.what();
      }
    }
  }

  /// As far as the first trial that is there to be trained.
  void resume() {
    struct Stopper : search::SearchObserver {
      void trial_started(const Trial&, const search::Sketch&) override { source.request_stop(); }
      std::stop_source source;
    } stopper;
    experiment_.store = path_;
    const auto study =
        create_or_open_study(path_, search::study_header(experiment_, dataset_, Device{}));
    (void)search::run_search(experiment_, dataset_, *study, search::SearchSetup{},
                             study->trial_count() + 1, stopper, stopper.source.get_token());
  }

  experiment::Experiment experiment_ = [] {
    const fs::path file = fs::temp_directory_path() / fmt::format("fuzz_{}.toml", getpid());
    test::write_text(file, test::tiny_experiment() + test::tiny_space());
    experiment::Experiment loaded = experiment::load_experiment(file, {"study.sampler=random"});
    fs::remove(file);
    return loaded;
  }();
  data::Dataset dataset_ = data::load_dataset(experiment_.dataset);
};

std::uint64_t from_environment(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST_F(StudyFuzzTest, WhateverTheFilesHoldIsReadOrRefused) {
  const std::uint64_t trials = from_environment("PARETINY_FUZZ", 1500);
  const std::uint64_t first = from_environment("PARETINY_FUZZ_FROM", 0);
  const std::vector<StudyFiles> boxes = black_boxes();
  const StudyFiles search = searched();
  std::uint64_t read = 0;
  for (std::uint64_t trial = first; trial < first + trials && !HasFailure(); ++trial) {
    SCOPED_TRACE(fmt::format("trial {}", trial));
    Random random(trial, "studies");
    const bool searches = trial % 16 == 0;
    spill_changed(searches ? search : boxes[trial % boxes.size()], random);
    if (!fs::exists(log_path())) {
      sound("open", [&] { open_study(path_); });
      EXPECT_FALSE(fs::exists(log_path()));
      EXPECT_FALSE(fs::exists(path_.string() + "-shm"));
    }
    if (sound("report", [&] { report(); })) ++read;
    sound("export", [&] { export_trials(trial % 64 == 1); });
    if (searches) {
      sound("search", [&] { resume(); });
    } else {
      sound("tell", [&] { tell(random); });
      sound("ask", [&] { ask(); });
    }
    clear();
  }
  // Some changes touch nothing that is kept, or say something else that is possible.
  EXPECT_GT(read, trials / 20);
  EXPECT_LT(read, trials);
}

}  // namespace
}  // namespace paretiny::study
