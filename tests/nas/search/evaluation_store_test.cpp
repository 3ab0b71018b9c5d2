#include "nas/search/evaluation/evaluation_store.h"

#include "base/error.h"
#include "tests/nas/search/search_fixture.h"

namespace paretiny::search {
namespace {

using test::Watcher;

class EvaluationStoreTest : public test::SearchTest {
 protected:
  EvaluationStoreTest() : store_(folder_ / "evaluations") { setup_.evaluations = &store_; }

  experiment::Experiment shared(const std::vector<std::string>& overrides = {}) {
    std::vector<std::string> all = overrides;
    all.emplace_back("study.training_seed=7");
    return load(all);
  }
  std::size_t files() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "evaluations")) {
      count += entry.path().extension() == ".evaluation";
    }
    return count;
  }
  std::filesystem::path any_file() const {
    return std::filesystem::directory_iterator(folder_ / "evaluations")->path();
  }

  EvaluationStore store_;
};

const KeptEvaluation kSample{{{1, 0.5, 0.25, 0.0}, {2, 0.125, 1.0 / 3, 0.5}},
                             {{"accuracy_int8", 0.1}, {"macs", 12}},
                             {1, 2, 255}};

TEST_F(EvaluationStoreTest, GivesBackWhatItWasGiven) {
  const EvaluationKey key{{"seed", "1"}, {"candidate", "2"}};
  EXPECT_FALSE(store_.find(key));
  store_.keep(key, kSample);
  const auto found = EvaluationStore(folder_ / "evaluations").find(key);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->epochs.size(), 2u);
  EXPECT_EQ(found->epochs[1].epoch, 2);
  EXPECT_EQ(found->epochs[1].accuracy, 1.0 / 3);
  EXPECT_EQ(found->metrics, kSample.metrics);
  EXPECT_EQ(found->model, kSample.model);
  EXPECT_FALSE(store_.find({{"seed", "1"}, {"candidate", "3"}}));
}

TEST_F(EvaluationStoreTest, ADamagedFileIsNoneAndIsReplaced) {
  const EvaluationKey key{{"seed", "1"}};
  store_.keep(key, kSample);
  const auto size = std::filesystem::file_size(any_file());
  for (const std::size_t at : {std::size_t{0}, size / 2, size - 1}) {
    store_.keep(key, kSample);
    std::fstream file(any_file(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const char was = static_cast<char>(file.get());
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(was ^ 0x40));
    file.close();
    EXPECT_FALSE(store_.find(key)) << at;
  }
  std::filesystem::resize_file(any_file(), 3);
  EXPECT_FALSE(store_.find(key));
  store_.keep(key, kSample);
  EXPECT_TRUE(store_.find(key));
}

TEST_F(EvaluationStoreTest, AFolderThatCannotBeWrittenIsSaid) {
  test::write_text(folder_ / "file", "");
  EXPECT_THROW(EvaluationStore(folder_ / "file" / "evaluations"), DataError);
}

TEST_F(EvaluationStoreTest, ASecondSearchTrainsNothingAndFindsTheSame) {
  const experiment::Experiment experiment = shared();
  const auto first = trials_of(experiment, "first.sqlite", 6);
  EXPECT_GT(files(), 0u);
  const auto again = study(experiment, "second.sqlite");
  Watcher watcher;
  ASSERT_TRUE(search(experiment, *again, 6, watcher));
  EXPECT_TRUE(watcher.epochs.empty());
  test::expect_equal(first, again->trials());
  const auto before = study(experiment, "first.sqlite");
  for (const study::Trial& trial : first) {
    EXPECT_EQ(before->epochs(trial.number).size(), again->epochs(trial.number).size());
    EXPECT_EQ(before->model(trial.number), again->model(trial.number));
    EXPECT_EQ(trial.metrics, again->trials()[static_cast<std::size_t>(trial.number)].metrics);
  }
  setup_.evaluations = nullptr;
  test::expect_equal(first, trials_of(experiment, "alone.sqlite", 6));
}

TEST_F(EvaluationStoreTest, AnotherSamplerSharesTheInitialDesign) {
  trials_of(shared(), "ars.sqlite", 4);
  const experiment::Experiment other = shared({"study.sampler=qparego"});
  const auto second = study(other, "qparego.sqlite");
  Watcher watcher;
  ASSERT_TRUE(search(other, *second, 6, watcher));
  EXPECT_FALSE(watcher.epochs.contains(0));
  EXPECT_TRUE(watcher.epochs.contains(4) || watcher.epochs.contains(5) ||
              second->trials()[4].state == study::TrialState::infeasible);
}

TEST_F(EvaluationStoreTest, WhatATrainingDependsOnIsPartOfTheKey) {
  trials_of(shared(), "first.sqlite", 4);
  const std::size_t kept = files();
  for (const std::vector<std::string>& other :
       std::vector<std::vector<std::string>>{{"study.training_seed=8"},
                                             {"dataset.seed=1"},
                                             {"training.momentum=0.8"},
                                             {"quantization.samples=100"}}) {
    std::filesystem::remove_all(folder_ / "other.sqlite");
    std::vector<std::string> all{"study.training_seed=7"};
    all.insert(all.end(), other.begin(), other.end());
    Watcher watcher;
    const experiment::Experiment experiment = load(all);
    const auto into = study(experiment, "other.sqlite");
    ASSERT_TRUE(search(experiment, *into, 4, watcher));
    EXPECT_FALSE(watcher.epochs.empty()) << other.front();
  }
  EXPECT_GT(files(), kept);
}

TEST_F(EvaluationStoreTest, TrialsThatMayBeStoppedShareNothing) {
  const experiment::Experiment experiment = shared({"study.stop=hypervolume"});
  trials_of(experiment, "first.sqlite", 4);
  EXPECT_EQ(files(), 0u);
}

TEST_F(EvaluationStoreTest, WithATrainingSeedTheCandidateAloneDecidesWhatIsDrawn) {
  const std::vector<std::string> few{"model.width=0.5", "training.epochs=1",
                                     "training.learning_rate=0.1", "pruning.sparsity=0.5"};
  const auto seeds = [&](const std::string& seed, const std::string& name) {
    std::vector<std::string> set = few;
    set.push_back("study.seed=" + seed);
    set.emplace_back("study.sampler=random");
    std::map<std::uint64_t, std::uint64_t> found;
    for (const study::Trial& trial : trials_of(shared(set), name, 2)) {
      found[trial.architecture] = trial.seed;
    }
    return found;
  };
  const auto one = seeds("1", "one.sqlite");
  EXPECT_EQ(one.size(), 2u);
  for (int seed = 2; seed < 5; ++seed) {
    EXPECT_EQ(one, seeds(std::to_string(seed), std::to_string(seed) + ".sqlite"));
  }
}

}  // namespace
}  // namespace paretiny::search
