
#include <array>
#include <set>

#include "base/error.h"
#include "kernels/core/device.h"
#include "nas/reproduce/comparison.h"
#include "nas/reproduce/page.h"
#include "nas/reproduce/run.h"
#include "tests/nas/search/experiments.h"

namespace paretiny::reproduce {
namespace {

using test::says;

/// Asks to stop when a trial of a run has ended.
struct Stopper : ComparisonObserver {
  struct OnTrial : search::SearchObserver {
    explicit OnTrial(Stopper& of) : stopper(of) {}
    void epoch_done(const study::Trial&, const train::EpochReport&) override { ++stopper.epochs; }
    void trial_ended(const std::vector<study::Trial>&, const study::Trial&) override {
      if (--stopper.trials_left == 0) stopper.source.request_stop();
    }
    Stopper& stopper;
  };
  std::unique_ptr<search::SearchObserver> run_started(const ComparisonRun&,
                                                      study::Study&) override {
    return std::make_unique<OnTrial>(*this);
  }
  void run_ended(const ComparisonRun& run, study::Study&) override { ended.push_back(run); }

  std::atomic<int> trials_left = -1;
  std::atomic<int> epochs = 0;
  std::vector<ComparisonRun> ended;
  std::stop_source source;
};

class ReproduceTest : public test::FolderTest {
 protected:
  /// A search of seconds under the name of one of the paper's.
  static Recipe tiny() {
    Recipe recipe = recipe_of("daliac", "cpu", "dsads-subset");
    recipe.experiment = test::tiny_experiment() + test::tiny_space();
    recipe.set = {"study.training_seed=0"};
    recipe.trials = 5;
    return recipe;
  }
  static Recipe problem(std::int64_t trials) {
    Recipe recipe = recipe_of("synthetic2d", "cpu", "");
    recipe.trials = trials;
    return recipe;
  }
  ComparisonFolder open(const std::string& name, const Recipe& recipe) {
    return ComparisonFolder::open_for(folder_ / name, recipe);
  }
  static bool run(const ComparisonFolder& folder, Stopper& stopper, int jobs = 1,
                  const std::vector<std::string>& samplers = {"ars", "random"},
                  const std::vector<Device>& devices = {Device{}}) {
    return run_comparison(folder, runs_of(samplers, 1, 2), {devices, "", jobs}, stopper,
                          stopper.source.get_token());
  }
  static void expect_same(const ComparisonFolder& a, const ComparisonFolder& b) {
    ASSERT_EQ(a.begun(), b.begun());
    for (const ComparisonRun& each : a.begun()) {
      SCOPED_TRACE(to_string(each));
      test::expect_equal(study::open_study(a.study(each))->trials(),
                         study::open_study(b.study(each))->trials());
    }
  }
};

TEST_F(ReproduceTest, EverySamplerComesBeforeTheNextSeed) {
  const std::vector<ComparisonRun> expected{{"a", 3}, {"b", 3}, {"a", 4}, {"b", 4}};
  EXPECT_EQ(runs_of({"a", "b", "a"}, 3, 4), expected);
}

TEST_F(ReproduceTest, AnInterruptedComparisonEndsAsOneThatWasNot) {
  const ComparisonFolder whole = open("whole", tiny());
  Stopper silent;
  ASSERT_TRUE(run(whole, silent));
  EXPECT_EQ(silent.ended.size(), 4u);
  const ComparisonFolder torn = open("torn", tiny());
  bool done = false;
  for (int stops = 0; !done; ++stops) {
    ASSERT_LT(stops, 30);
    Stopper stopper;
    stopper.trials_left = 3;
    done = run(ComparisonFolder::open_for(folder_ / "torn", tiny()), stopper);
  }
  expect_same(whole, torn);
  // What has its end is left as it is.
  Stopper again;
  ASSERT_TRUE(run(torn, again));
  EXPECT_EQ(again.epochs, 0);
  expect_same(whole, torn);
}

TEST_F(ReproduceTest, RunsAtATimeFindTheSame) {
  const ComparisonFolder one = open("one", tiny());
  const ComparisonFolder two = open("two", tiny());
  Stopper first;
  Stopper second;
  ASSERT_TRUE(run(one, first, 1));
  ASSERT_TRUE(run(two, second, 3));
  expect_same(one, two);
}

/// Two GPUs whose streams are the CPU's.
struct TwoGpus : Backend {
  TwoGpus() { register_backend(DeviceKind::cuda, *this); }
  std::vector<DeviceInfo> devices() const override {
    std::vector<DeviceInfo> two(2);
    two[0].device = {DeviceKind::cuda, 0};
    two[1].device = {DeviceKind::cuda, 1};
    return two;
  }
  std::string why_none() const override { return ""; }
  std::string libraries() const override { return "none"; }
  void* allocate(int, std::size_t bytes) override {
    return backend(DeviceKind::cpu).allocate(0, bytes);
  }
  void release(int, void* data) noexcept override { backend(DeviceKind::cpu).release(0, data); }
  std::size_t available(int index) const override {
    ++asked.at(static_cast<std::size_t>(index));
    return backend(DeviceKind::cpu).available(0);
  }
  std::unique_ptr<Stream> make_stream(int index) override {
    ++made.at(static_cast<std::size_t>(index));
    return Stream::create({});
  }
  mutable std::array<std::atomic<int>, 2> asked{};
  std::array<std::atomic<int>, 2> made{};
};

TEST_F(ReproduceTest, RunsAreSpreadOverDevices) {
  static TwoGpus gpus;  // registered for good
  const std::vector<Device> both{{DeviceKind::cuda, 0}, {DeviceKind::cuda, 1}};
  const ComparisonFolder one = open("one", problem(14));
  const ComparisonFolder two = open("two", problem(14));
  Stopper first;
  Stopper second;
  ASSERT_TRUE(run(one, first));
  EXPECT_EQ(gpus.made[0] + gpus.made[1], 0);
  ASSERT_TRUE(run(two, second, 2, {"ars", "random"}, both));
  expect_same(one, two);
  std::set<std::string> used;
  for (const ComparisonRun& each : two.begun()) {
    used.insert(study::open_study(two.study(each))->header().device);
  }
  EXPECT_EQ(used, (std::set<std::string>{"cuda:0", "cuda:1"}));
  EXPECT_GT(gpus.made[0] + gpus.made[1], 0);
  // Trainings share the memory of their own device.
  Stopper third;
  ASSERT_TRUE(run(open("trained", tiny()), third, 2, {"ars", "random"}, both));
  EXPECT_EQ(gpus.asked[0], 1);
  EXPECT_EQ(gpus.asked[1], 1);
  EXPECT_GT(gpus.made[0], 0);
  EXPECT_GT(gpus.made[1], 0);
}

TEST_F(ReproduceTest, SamplersShareWhatTheyHaveInCommon) {
  const ComparisonFolder folder = open("shared", tiny());
  Stopper stopper;
  ASSERT_TRUE(run(folder, stopper, 1, {"ars", "qparego"}));
  const Comparison comparison = read_comparison(folder);
  ASSERT_EQ(comparison.runs.size(), 4u);
  EXPECT_LT(comparison.trainings, comparison.trained);
  for (const std::uint64_t seed : {1, 2}) {
    const auto a = study::open_study(folder.study({"ars", seed}));
    const auto b = study::open_study(folder.study({"qparego", seed}));
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(a->trials()[i].values, b->trials()[i].values);
      EXPECT_EQ(a->trials()[i].objectives[3], b->trials()[i].objectives[3]);
    }
  }
}

TEST_F(ReproduceTest, AProblemIsAStudyToo) {
  const ComparisonFolder folder = open("problem", problem(12));
  Stopper silent;
  ASSERT_TRUE(run(folder, silent, 2, {"ars", "qparego", "random"}));
  const Comparison comparison = read_comparison(folder);
  ASSERT_EQ(comparison.runs.size(), 6u);
  for (const RunFindings& found : comparison.runs) {
    EXPECT_TRUE(found.complete);
    ASSERT_EQ(found.hypervolume.size(), 12u);
    EXPECT_TRUE(std::ranges::is_sorted(found.hypervolume));
    EXPECT_GT(found.hypervolume.back(), 0);
    EXPECT_LT(found.hypervolume.back(), 1);
    EXPECT_FALSE(found.front.empty());
  }
  // More trials go on from those that there are.
  ComparisonFolder longer = *ComparisonFolder::find(folder_ / "problem");
  longer.set_trials(15);
  EXPECT_THROW(longer.set_trials(14), UsageError);
  Stopper more;
  ASSERT_TRUE(run(longer, more, 1, {"ars", "qparego", "random"}));
  const ComparisonFolder fresh = open("fresh", problem(15));
  Stopper once;
  ASSERT_TRUE(run(fresh, once, 1, {"ars", "qparego", "random"}));
  expect_same(longer, fresh);
}

TEST_F(ReproduceTest, AFolderKnowsWhatItIsOf) {
  open("mine", problem(5));
  EXPECT_EQ(ComparisonFolder::find(folder_ / "mine")->recipe().trials, 5);
  EXPECT_FALSE(ComparisonFolder::find(folder_ / "nowhere"));
  const auto message = [&](const std::string& name, const Recipe& recipe) -> std::string {
    try {
      open(name, recipe);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  Recipe paper = problem(5);
  paper.budget = "paper";
  EXPECT_TRUE(says(message("mine", paper), {"synthetic2d --budget cpu", "--budget paper"}));
  EXPECT_TRUE(says(message("mine", tiny()), {"synthetic2d", "daliac"}));
  test::write_text(folder_ / "theirs" / "thesis.tex", "");
  EXPECT_TRUE(says(message("theirs", problem(5)), {"theirs", "something else"}));
  test::write_text(folder_ / "file", "");
  EXPECT_TRUE(says(message("file", problem(5)), {"file", "something else"}));
  test::write_text(folder_ / "mine" / "comparison.json", "{\"version\": 1, \"ta");
  EXPECT_TRUE(says(message("mine", problem(5)), {"comparison.json", "damaged"}));
  test::write_text(folder_ / "mine" / "comparison.json", "{\"version\": 99}");
  EXPECT_TRUE(says(message("mine", problem(5)), {"comparison.json", "version"}));
  // What a kill left while it was being made.
  test::write_text(folder_ / "begun" / "experiment.toml", "[stu");
  EXPECT_EQ(message("begun", tiny()), "");
  EXPECT_TRUE(ComparisonFolder::find(folder_ / "begun"));
}

TEST_F(ReproduceTest, OneProcessAtATime) {
  const ComparisonFolder folder = open("held", problem(5));
  {
    const FolderLock lock(folder);
    EXPECT_THROW(FolderLock{folder}, UsageError);
  }
  EXPECT_NO_THROW(FolderLock{folder});
}

TEST_F(ReproduceTest, ItCanBeDrawnAtAnyTime) {
  const ComparisonFolder folder = open("drawn", tiny());
  EXPECT_TRUE(says(write_comparison(folder), {"no run is complete"}));
  Stopper stopper;
  stopper.trials_left = 3;
  EXPECT_FALSE(run(folder, stopper));
  test::write_text(folder.study({"turbo", 9}), "");  // as a creation that was cut short leaves it
  EXPECT_TRUE(says(write_comparison(folder), {"no run is complete"}));
  Stopper silent;
  ASSERT_TRUE(run(folder, silent));
  EXPECT_TRUE(says(write_comparison(folder), {"ars", "random", "best", "0.475"}));
  const auto content = [&](const char* name) {
    std::ifstream file(folder.path() / name);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  EXPECT_TRUE(says(content("curves.csv"), {"sampler,trial,seeds,mean", "ars,4,2,", "random,0,2,"}));
  EXPECT_TRUE(says(content("runs.csv"), {"ars,1,0,", "random,2,4,"}));
  EXPECT_TRUE(says(content("report.html"), {"<!doctype html>", "ars", "0.475"}));
}

TEST_F(ReproduceTest, RecipesAreRefusedByName) {
  const auto message = [](const std::string& task, const std::string& budget) -> std::string {
    try {
      recipe_of(task, budget, "");
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_TRUE(says(message("cifar", "cpu"), {"'cifar'", "cifar10"}));
  EXPECT_TRUE(says(message("daliac", "gpu"), {"'gpu'", "cpu"}));
}

TEST_F(ReproduceTest, TheExperimentsHoldWithBothBudgets) {
  for (const char* data : {"cifar10", "daliac", "dsads-subset"}) {
    for (const std::string& budget : reproduction_budgets()) {
      const Recipe recipe =
          recipe_of(std::string(data) == "cifar10" ? "cifar10" : "daliac", budget, data);
      const experiment::Experiment experiment =
          experiment::load_experiment(file(recipe.experiment, "recipe.toml"), recipe.set);
      EXPECT_EQ(experiment.training_seed, 0u);
      std::vector<std::string> names;
      for (const space::Parameter& parameter : experiment.space.parameters()) {
        names.push_back(parameter.name);
      }
      // What the paper is known to search.
      for (const char* name :
           {"training.learning_rate", "training.momentum", "training.weight_decay",
            "training.batch", "training.epochs", "pruning.criterion", "pruning.begin",
            "pruning.end", "pruning.every", "model.width", "quantization.range"}) {
        EXPECT_NE(std::ranges::find(names, name), names.end()) << data << " " << name;
      }
      EXPECT_TRUE(experiment.limits.rom && experiment.limits.ram && experiment.limits.flops);
    }
  }
}

TEST_F(ReproduceTest, DataAreFoundOrSaidHowToGet) {
  const auto found = [&](const std::string& task, const std::string& only = "") {
    return find_data(task, folder_ / "data", only).name;
  };
  EXPECT_EQ(found("synthetic2d"), "");
  try {
    found("daliac");
    ADD_FAILURE();
  } catch (const DataError& error) {
    EXPECT_TRUE(says(error.what(), {"dataset_1.txt", "scripts/get_data dsads-subset", "--data"}));
  }
  EXPECT_THROW(found("cifar10"), DataError);
  test::write_text(folder_ / "data" / "dsads_subset_x.npy.xz", "");
  EXPECT_EQ(found("daliac"), "dsads-subset");
  EXPECT_THROW(found("daliac", "daliac"), DataError);
  test::write_text(folder_ / "data" / "dataset_1.txt", "");
  EXPECT_EQ(found("daliac"), "daliac");
  EXPECT_EQ(found("daliac", "dsads-subset"), "dsads-subset");
}

}  // namespace
}  // namespace paretiny::reproduce
