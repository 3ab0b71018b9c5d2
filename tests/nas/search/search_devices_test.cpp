// What candidates side by side share: memory, a device, several devices, and their faults.
#include <algorithm>
#include <set>

#include "tests/nas/search/search_jobs_fixture.h"

namespace paretiny::search {

using experiment::Experiment;
using study::Trial;
using study::TrialState;

namespace {

using std::chrono::milliseconds;
using test::SteppedStream;
using test::Watcher;

class SearchDevices : public test::SearchJobs {};

TEST_F(SearchDevices, TooLittleMemoryIsOneCandidatesOwnFailure) {
  auto steps = std::make_shared<std::atomic<int>>(0);
  setup_.make_stream = [steps](Device) {
    return std::make_unique<SteppedStream>([steps] {
      if (++*steps == 20) throw std::bad_alloc();
      if (*steps == 40) throw OutOfMemory("no memory is left");
    });
  };
  const auto trials = trials_of(load_jobs(2, {"constraints.rom=1 MB"}), "a.sqlite", 7);
  std::multiset<std::string> reasons;
  for (const Trial& trial : trials) {
    if (trial.state == TrialState::failed) reasons.insert(trial.reason);
  }
  EXPECT_EQ(reasons, (std::multiset<std::string>{"no memory is left", "out of memory"}));
}

TEST_F(SearchDevices, ADeviceThatIsLostFailsAllThatRanOnIt) {
  const Experiment experiment = load_jobs(
      3, {"constraints.rom=1 MB", "training.epochs=20", "study.sampler=random", "sampler={}"});
  auto steps = std::make_shared<std::atomic<int>>(0);
  setup_.make_stream = [steps](Device) {
    return std::make_unique<SteppedStream>([steps] {
      std::this_thread::sleep_for(milliseconds(1));
      if (++*steps > 60) throw DeviceLost("adding: the device fell off the bus");
    });
  };
  const auto kept = study(experiment, "a.sqlite");
  Watcher watcher;
  try {
    search(experiment, *kept, 5, watcher);
    ADD_FAILURE() << "the device was not lost";
  } catch (const DeviceLost& error) {
    EXPECT_TRUE(test::says(error.what(), {"fell off the bus", "same command goes on"}));
  }
  ASSERT_EQ(kept->trials().size(), 3u);
  for (const Trial& trial : kept->trials()) {
    EXPECT_EQ(trial.state, TrialState::failed);
    EXPECT_TRUE(test::says(trial.reason, {"fell off the bus"}));
  }
  EXPECT_EQ(watcher.ended.size(), 3u);
}

TEST_F(SearchDevices, SeveralDevicesHaveWorkersInTurn) {
  const std::vector<Trial> alone =
      trials_of(load_jobs(1, {"study.lag=4", "constraints.rom=1 MB"}), "alone.sqlite", 9);
  setup_.devices = {{DeviceKind::cpu, 0}, {DeviceKind::cpu, 1}};
  for (const auto& [jobs, wanted] : {std::pair(1, std::vector{1, 1}), {3, {2, 1}}}) {
    auto workers = std::make_shared<std::vector<int>>(2);
    setup_.make_stream = [workers](Device device) {
      ++workers->at(static_cast<std::size_t>(device.index));
      return Stream::create({});
    };
    const Experiment experiment = load_jobs(jobs, {"study.lag=4", "constraints.rom=1 MB"});
    test::expect_equal(trials_of(experiment, fmt::format("{}.sqlite", jobs), 9), alone);
    EXPECT_EQ(*workers, wanted) << jobs;
  }
}

TEST_F(SearchDevices, ADeviceThatIsLostLeavesWhatRanOnOthers) {
  const Experiment experiment = load_jobs(
      4, {"constraints.rom=1 MB", "training.epochs=20", "study.sampler=random", "sampler={}"});
  setup_.devices = {{DeviceKind::cpu, 0}, {DeviceKind::cpu, 1}};
  auto steps = std::make_shared<std::atomic<int>>(0);
  setup_.make_stream = [steps](Device device) {
    return std::make_unique<SteppedStream>([steps, device] {
      std::this_thread::sleep_for(milliseconds(1));
      if (device.index == 1 && ++*steps > 60)
        throw DeviceLost("adding: the device fell off the bus");
    });
  };
  const auto kept = study(experiment, "a.sqlite");
  Watcher watcher;
  EXPECT_THROW(search(experiment, *kept, 9, watcher), DeviceLost);
  std::multiset<TrialState> states;
  for (const Trial& trial : kept->trials()) states.insert(trial.state);
  EXPECT_EQ(states.count(TrialState::failed), 2u);
  EXPECT_EQ(states.count(TrialState::running), 0u);
  EXPECT_GE(states.count(TrialState::waiting), 1u);
}

TEST_F(SearchDevices, AnotherFaultOfTheDeviceGivesTheOthersBack) {
  const Experiment experiment = load_jobs(
      2, {"constraints.rom=1 MB", "training.epochs=20", "study.sampler=random", "sampler={}"});
  auto workers = std::make_shared<std::atomic<int>>(0);
  setup_.make_stream = [workers](Device) {
    const bool bad = (*workers)++ == 1;
    return std::make_unique<SteppedStream>([bad, steps = 0]() mutable {
      std::this_thread::sleep_for(milliseconds(1));
      if (bad && ++steps == 10) throw DeviceError("adding: an illegal address");
    });
  };
  const auto kept = study(experiment, "a.sqlite");
  Watcher watcher;
  EXPECT_THROW(search(experiment, *kept, 5, watcher), DeviceError);
  ASSERT_EQ(kept->trials().size(), 2u);
  std::multiset<TrialState> states;
  for (const Trial& trial : kept->trials()) states.insert(trial.state);
  EXPECT_EQ(states, (std::multiset{TrialState::waiting, TrialState::failed}));
}

TEST_F(SearchDevices, CandidatesThatDoNotFitTogetherTrainOneAfterAnother) {
  // What is in use is seen by who is between the first and the last step of a training.
  struct Gauge : Watcher {
    std::set<std::int64_t> training;
    std::size_t together = 0;
    void epoch_done(const Trial& trial, const train::EpochReport& report) override {
      training.insert(trial.number);
      together = std::max(together, training.size());
      if (report.epoch == report.epochs) training.erase(trial.number);
    }
  };
  const Experiment experiment = load_jobs(
      3, {"constraints.rom=1 MB", "training.epochs=6", "study.sampler=random", "sampler={}"});
  delay_workers({2, 2, 2});
  Gauge together;
  const auto free = study(experiment, "free.sqlite");
  ASSERT_TRUE(run_search(experiment, data::load_dataset(experiment.dataset), *free, setup_, 6,
                         together, {}));
  EXPECT_GE(together.together, 2u) << "they should have trained side by side";
  delay_workers({2, 2, 2});
  setup_.memory = 1;
  Gauge apart;
  const auto tight = study(experiment, "tight.sqlite");
  ASSERT_TRUE(
      run_search(experiment, data::load_dataset(experiment.dataset), *tight, setup_, 6, apart, {}));
  EXPECT_EQ(apart.together, 1u);
  test::expect_equal(free->trials(), tight->trials());

  delay_workers({2, 2, 2});
  setup_.devices = {{DeviceKind::cpu, 0}, {DeviceKind::cpu, 1}};
  Gauge on_two;
  const auto both = study(experiment, "both.sqlite");
  ASSERT_TRUE(
      run_search(experiment, data::load_dataset(experiment.dataset), *both, setup_, 6, on_two, {}));
  EXPECT_EQ(on_two.together, 2u) << "each device has memory of its own";
}

TEST_F(SearchDevices, ThePlanBeforeTrainingIsWhatTrainingThenPlans) {
  for (const std::string fine_tune : {"quantization.fine_tune=0", "quantization.fine_tune=2"}) {
    const Experiment experiment = load({"pruning.sparsity=0.5", fine_tune});
    const data::Dataset dataset = data::load_dataset(experiment.dataset);
    const auto stream = Stream::create(setup_.devices.front());
    const data::ResidentDataset data(*stream, dataset);
    const Sketch plan = sketch(experiment.candidate(), dataset);
    const std::size_t planned = planned_bytes(*stream, data, plan);
    const CandidateResult result =
        evaluate_candidate(*stream, data, plan, 1, [](const train::EpochReport&) {}, {});
    EXPECT_GE(planned + data.bytes(), result.planned_bytes) << fine_tune;
    EXPECT_LE(planned + data.bytes(), 3 * result.planned_bytes) << fine_tune;
  }
}

}  // namespace
}  // namespace paretiny::search
