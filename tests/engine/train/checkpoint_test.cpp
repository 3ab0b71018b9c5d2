// A training that was left and gone on with ends with the bytes of one that never was.
#include "engine/train/checkpoint.h"

#include <gtest/gtest.h>

#include <set>

#include "engine/models/model.h"
#include "engine/train/trainer.h"
#include "kernels/core/cpu/cpu_stream.h"
#include "kernels/core/threads.h"

namespace paretiny::train {
namespace {

using Bytes8 = std::vector<std::uint8_t>;

constexpr std::int64_t kEpochs = 6;
constexpr std::int64_t kSteps = 4;  // an epoch

const data::Dataset& small_set() {
  static const data::Dataset dataset =
      data::load_dataset({.format = "synthetic",
                          .validation = 0.2,
                          .options = {{"samples", "120"}, {"noise", "0.3"}}});
  return dataset;
}

/// What a training is started with.
struct Case {
  TrainingSpec training;
  compress::PruningSpec pruning;
  std::uint64_t seed = 1;
  double width = 0.25;

  Case() {
    training.epochs = kEpochs;
    training.batch = 16;
    training.shift = 8;
    training.noise = 0.1;
    training.warmup = 1;
    training.precision = Precision::f32;
    // Channels go before epochs 1 to 4, counted from 0.
    pruning.schedule = compress::PruningSchedule::agp;
    pruning.criterion = compress::PruningCriterion::l1;
    pruning.sparsity = 0.5;
    pruning.begin = 0.1;
    pruning.end = 0.7;
  }
};

graph::Graph network(const Case& what) {
  return models::build_model({.name = "ds_cnn",
                              .input = small_set().sample(),
                              .classes = 6,
                              .width = what.width,
                              .options = {{"blocks", 1}}});
}

struct Course {
  graph::Network network;
  std::vector<EpochReport> reports;
  std::map<std::int64_t, Bytes8> kept;  ///< by the number of epochs done
  std::string refused;
};

Course run(const Case& what, const Bytes8& from = {}, const data::Dataset& set = small_set(),
           const TrainingIdentity& context = {}) {
  const auto stream = Stream::create({DeviceKind::cpu, 0});
  const data::ResidentDataset data(*stream, set);
  Course course;
  std::int64_t done = 0;
  Continuation continuation;
  continuation.from = from;
  continuation.context = context;
  continuation.refused = [&](const std::string& why) { course.refused = why; };
  continuation.wanted = [&](std::int64_t epochs) { return done = epochs, true; };
  continuation.keep = [&](Bytes8 bytes) { course.kept[done] = std::move(bytes); };
  course.network =
      train(
          *stream, data, network(what), what.training, what.pruning, what.seed,
          [&](const EpochReport& report) { course.reports.push_back(report); }, {}, continuation)
          .network;
  return course;
}

/// The same network, and the same reports of the epochs that both have.
void expect_same(const Course& continued, const Course& whole) {
  EXPECT_EQ(continued.refused, "");
  EXPECT_EQ(continued.network.graph, whole.network.graph);
  EXPECT_EQ(continued.network.parameters, whole.network.parameters);
  ASSERT_LE(continued.reports.size(), whole.reports.size());
  const std::size_t skipped = whole.reports.size() - continued.reports.size();
  for (std::size_t i = 0; i < continued.reports.size(); ++i) {
    const EpochReport &a = continued.reports[i], &b = whole.reports[skipped + i];
    EXPECT_EQ(a.epoch, b.epoch);
    EXPECT_EQ(a.loss, b.loss);
    EXPECT_EQ(a.train_accuracy, b.train_accuracy);
    EXPECT_EQ(a.validation_accuracy, b.validation_accuracy);
    EXPECT_EQ(a.learning_rate, b.learning_rate);
    EXPECT_EQ(a.sparsity, b.sparsity);
  }
}

void expect_exact_everywhere(const Case& what) {
  const Course whole = run(what);
  ASSERT_EQ(whole.kept.size(), static_cast<std::size_t>(kEpochs));
  // Before, between and after the steps of pruning, and behind the last epoch.
  for (const std::int64_t epochs : {1, 3, 5, 6}) {
    SCOPED_TRACE(epochs);
    const Course continued = run(what, whole.kept.at(epochs));
    EXPECT_EQ(continued.reports.size(), static_cast<std::size_t>(kEpochs - epochs));
    expect_same(continued, whole);
    for (const auto& [done, bytes] : continued.kept) EXPECT_EQ(bytes, whole.kept.at(done));
  }
}

TEST(Checkpoint, GoesOnExactlyWithEveryCriterion) {
  for (int i = 0; i <= static_cast<int>(compress::PruningCriterion::random); ++i) {
    Case what;
    what.pruning.criterion = static_cast<compress::PruningCriterion>(i);
    if (i % 2 == 1) what.pruning.schedule = compress::PruningSchedule::one_shot;
    SCOPED_TRACE(name_of(what.pruning.criterion));
    expect_exact_everywhere(what);
  }
}

TEST(Checkpoint, GoesOnExactlyWithEveryOptimizerAndPrecision) {
  for (const Optimizer optimizer : {Optimizer::sgd, Optimizer::adam, Optimizer::adamw}) {
    for (const Precision precision : {Precision::f32, Precision::bf16}) {
      Case what;
      what.training.optimizer = optimizer;
      what.training.precision = precision;
      what.training.schedule = precision == Precision::f32 ? Schedule::step : Schedule::cosine;
      if (optimizer != Optimizer::sgd) what.training.learning_rate = 0.01;
      SCOPED_TRACE(std::string(name_of(optimizer)) + " " + name_of(precision));
      expect_exact_everywhere(what);
    }
  }
}

TEST(Checkpoint, GoesOnExactlyWithoutPruning) {
  Case what;
  what.pruning = {};
  expect_exact_everywhere(what);
}

/// The CPU, on which somebody asks to stop while recorded step `at`, counted from 1, runs: of a
/// training, or of an evaluation.
class StoppingStream : public cpu::CpuStream {
 public:
  explicit StoppingStream(int at) : at_(at) {}

  std::stop_token token() const { return source_.get_token(); }
  std::unique_ptr<Recording> record(std::function<void()> work) override {
    return std::make_unique<Step>(*this, std::move(work));
  }

 private:
  struct Step : Recording {
    Step(StoppingStream& owner, std::function<void()> what)
        : stream(owner), work(std::move(what)) {}
    void run() override {
      if (--stream.at_ == 0) stream.source_.request_stop();
      work();
    }
    StoppingStream& stream;
    std::function<void()> work;
  };

  int at_;
  std::stop_source source_;
};

/// The checkpoint of a training that is asked to stop in recorded step `at`; empty when it ended.
Bytes8 interrupted(const Case& what, int at) {
  StoppingStream stream(at);
  const data::ResidentDataset data(stream, small_set());
  Bytes8 kept;
  Continuation continuation;
  continuation.keep = [&](Bytes8 bytes) { kept = std::move(bytes); };
  try {
    train(
        stream, data, network(what), what.training, what.pruning, what.seed,
        [](const EpochReport&) {}, stream.token(), continuation);
    return {};
  } catch (const Interrupted&) {
    return kept;
  }
}

/// In training steps, in evaluations, and while channels are ranked.
TEST(Checkpoint, InterruptedAnywhereItGoesOnExactly) {
  Case what;
  what.pruning.criterion = compress::PruningCriterion::taylor;
  const Course whole = run(what);
  std::set<std::pair<std::int64_t, std::int64_t>> places;
  int at = 1;
  for (Bytes8 bytes; !(bytes = interrupted(what, at)).empty(); ++at) {
    const TrainingCheckpoint checkpoint = checkpoint_from_bytes(bytes);
    places.emplace(checkpoint.epoch, checkpoint.steps);
    const Course continued = run(what, bytes);
    expect_same(continued, whole);
    // No epoch is reported twice, or never.
    EXPECT_EQ(continued.reports.size(), static_cast<std::size_t>(kEpochs - checkpoint.epoch)) << at;
  }
  // The evaluation has one step; in the very last of them nobody heeds a request.
  EXPECT_EQ(at, (kSteps + 1) * kEpochs);
  for (std::int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    for (std::int64_t steps = 1; steps <= kSteps; ++steps) {
      EXPECT_TRUE(places.contains({epoch, steps})) << epoch << ", " << steps;
    }
  }
}

TEST(Checkpoint, AsksBeforeItHandsOneOut) {
  const auto stream = Stream::create({DeviceKind::cpu, 0});
  const data::ResidentDataset data(*stream, small_set());
  const graph::Graph graph = models::build_model(
      {.name = "ds_cnn", .input = small_set().sample(), .classes = 6, .width = 0.25});
  std::vector<std::int64_t> epochs;
  Continuation continuation;
  continuation.wanted = [](std::int64_t done) { return done % 2 == 0; };
  continuation.keep = [&](const Bytes8& bytes) {
    epochs.push_back(checkpoint_from_bytes(bytes).epoch);
  };
  train(*stream, data, graph, Case().training, {}, 1, {}, {}, continuation);
  EXPECT_EQ(epochs, (std::vector<std::int64_t>{2, 4, 6}));
}

/// It says so, and trains as if there were no checkpoint.
void expect_refused(const Bytes8& bytes, const std::string& why, const Case& what = {},
                    const data::Dataset& set = small_set(), const TrainingIdentity& context = {}) {
  const Course refused = run(what, bytes, set, context);
  EXPECT_NE(refused.refused.find(why), std::string::npos) << refused.refused;
  EXPECT_EQ(refused.refused.find('\n'), std::string::npos);
  EXPECT_EQ(refused.reports.size(), static_cast<std::size_t>(kEpochs));
}

TEST(Checkpoint, OneOfAnotherTrainingIsRefused) {
  const Bytes8 bytes = run(Case()).kept.at(3);
  Case other;
  other.seed = 2;
  expect_refused(bytes, "whose seed is 1, while this one's is 2", other);
  other = {};
  other.width = 0.5;
  expect_refused(bytes, "network", other);
  other = {};
  other.training.learning_rate *= 0.5;
  expect_refused(bytes, "training", other);
  other = {};
  other.pruning.sparsity = 0.25;
  expect_refused(bytes, "pruning", other);
  other = {};
  other.training.precision = Precision::bf16;
  expect_refused(bytes, "activations", other);
  data::Dataset set = small_set();
  set.train.labels[7] = (set.train.labels[7] + 1) % 6;
  expect_refused(bytes, "data", {}, set);
  expect_refused(bytes, "whose commit is unknown, while this one's is abc", {}, small_set(),
                 {{"commit", "abc"}});
  const int threads = thread_count();
  set_thread_count(threads + 1);
  expect_refused(bytes, "threads");
  set_thread_count(threads);
}

TEST(Checkpoint, OneThatIsDamagedIsRefused) {
  const Course fresh = run(Case());
  EXPECT_EQ(run(Case(), {1, 2, 3}).network.parameters, fresh.network.parameters);
  const Bytes8 whole = fresh.kept.at(3);
  expect_refused({1, 2, 3}, "too short");
  expect_refused(Bytes8(100, 7), "no checkpoint of Paretiny");
  Bytes8 bytes = whole;
  bytes.pop_back();
  expect_refused(bytes, "bytes where its header says");
  bytes = whole;
  bytes.push_back(0);
  expect_refused(bytes, "bytes where its header says");
  bytes = whole;
  bytes[8] = 2;
  expect_refused(bytes, "version is 2, this program reads version 1");
  bytes = whole;
  bytes[bytes.size() / 2] ^= 1;
  expect_refused(bytes, "damaged, its checksum is wrong");
}

/// Every byte counts: none may change without a refusal.
TEST(Checkpoint, EveryByteIsWatched) {
  const Bytes8 whole = to_bytes({{{"seed", "1"}}, 2, 3, 0.5f, 4, {8, 8}, {1, 2, 3}, {4, 5}, {}});
  EXPECT_EQ(to_bytes(checkpoint_from_bytes(whole)), whole);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    Bytes8 bytes = whole;
    bytes[i] ^= 0x40;
    EXPECT_THROW(checkpoint_from_bytes(bytes), DataError) << i;
    EXPECT_THROW(checkpoint_from_bytes(std::span(whole).first(i)), DataError) << i;
  }
}

/// Behind a good checksum, numbers that no such training can have had.
TEST(Checkpoint, OneThatDoesNotFitIsRefused) {
  const TrainingCheckpoint good = checkpoint_from_bytes(run(Case()).kept.at(3));
  const auto spoiled = [&](const std::function<void(TrainingCheckpoint&)>& spoil) {
    TrainingCheckpoint bad = good;
    spoil(bad);
    expect_refused(to_bytes(bad), "does not fit the network");
  };
  spoiled([](TrainingCheckpoint& c) { c.epoch = -1; });
  spoiled([](TrainingCheckpoint& c) { c.epoch = kEpochs + 1; });
  spoiled([](TrainingCheckpoint& c) { c.steps = 1000; });
  spoiled([](TrainingCheckpoint& c) { c.steps = -1; });
  spoiled([](TrainingCheckpoint& c) { c.channels.clear(); });
  spoiled([](TrainingCheckpoint& c) { ++c.channels[1]; });
  spoiled([](TrainingCheckpoint& c) { c.parameters.pop_back(); });
  spoiled([](TrainingCheckpoint& c) { c.first_moment.push_back(0); });
  spoiled([](TrainingCheckpoint& c) { c.second_moment = c.first_moment; });
}

}  // namespace
}  // namespace paretiny::train
