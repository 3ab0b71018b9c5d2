#include "nas/search/evaluation/candidate.h"

#include <set>

#include "base/error.h"
#include "kernels/core/cpu/cpu_stream.h"
#include "tests/nas/search/experiments.h"

namespace paretiny::search {
namespace {

/// The CPU, where somebody asks to stop at what it does the `at`-th time.
class StoppingStream : public cpu::CpuStream {
 public:
  explicit StoppingStream(std::size_t at) : at_(at) {}

  void upload(void* to, const void* from, std::size_t bytes) override {
    count(false);
    cpu::CpuStream::upload(to, from, bytes);
  }
  void download(void* to, const void* from, std::size_t bytes) override {
    count(false);
    cpu::CpuStream::download(to, from, bytes);
  }
  void zero(void* data, std::size_t bytes) override {
    count(false);
    cpu::CpuStream::zero(data, bytes);
  }
  std::unique_ptr<Recording> record(std::function<void()> work) override {
    return cpu::CpuStream::record([this, work = std::move(work)] {
      count(true);
      work();
    });
  }

  std::stop_token token() const { return source_.get_token(); }
  std::size_t counted() const { return counted_; }
  std::size_t last_step() const { return last_step_; }
  bool asked() const { return source_.stop_requested(); }

 private:
  void count(bool step) {
    if (step) last_step_ = counted_;
    if (counted_++ == at_) source_.request_stop();
  }

  const std::size_t at_;
  std::size_t counted_ = 0;
  std::size_t last_step_ = 0;  ///< when the last recorded step began
  std::stop_source source_;
};

class CandidateTest : public test::FolderTest {
 protected:
  CandidateTest()
      : experiment_(
            experiment::load_experiment(file(test::tiny_experiment() + test::tiny_space()))),
        dataset_(data::load_dataset(experiment_.dataset)) {}

  std::uint64_t hash(const space::Values& values) {
    return sketch(experiment_.candidate(values), dataset_).hash;
  }

  const experiment::Experiment experiment_;
  const data::Dataset dataset_;
};

TEST_F(CandidateTest, WhatIsKnownBeforeTrainingIsWhatTrainingLeaves) {
  const auto stream = Stream::create({DeviceKind::cpu, 0});
  const data::ResidentDataset data(*stream, dataset_);
  for (const char* name : {"ds_cnn", "mobilenet_v3"}) {
    for (const char* schedule : {"agp", "one_shot", "none"}) {
      experiment::CandidateSpec spec =
          experiment_.candidate({{"pruning.schedule", schedule},
                                 {"pruning.sparsity", 0.45},
                                 {"pruning.criterion", "taylor"},
                                 {"training.epochs", std::int64_t{2}}});
      spec.model.name = name;
      spec.model.options = {{"blocks", 2}};
      const Sketch plan = sketch(spec, dataset_);
      EXPECT_EQ(plan.graph == plan.final_graph, std::string(schedule) == "none");
      int epochs = 0;
      const CandidateResult result = evaluate_candidate(
          *stream, data, plan, 7, [&](const train::EpochReport&) { ++epochs; }, {});
      EXPECT_EQ(epochs, 2);
      EXPECT_EQ(result.network.graph, plan.final_graph) << name << " " << schedule;
      const deploy::Footprint left = deploy::footprint(result.network.graph);
      EXPECT_EQ(left.rom(), plan.footprint.rom());
      EXPECT_EQ(left.ram(), plan.footprint.ram());
      EXPECT_EQ(left.flops, plan.footprint.flops);
      EXPECT_EQ(left.parameters, plan.footprint.parameters);
      EXPECT_GT(result.planned_bytes, 0u);
      for (const double accuracy : {result.float_accuracy, result.int8_accuracy,
                                    result.float_test_accuracy, result.int8_test_accuracy}) {
        EXPECT_GE(accuracy, 0);
        EXPECT_LE(accuracy, 1);
      }
      const auto metrics = metrics_of(plan, result);
      EXPECT_EQ(metrics.at("parameters"), static_cast<double>(left.parameters));
      EXPECT_EQ(metrics.at("accuracy_int8"), result.int8_accuracy);
    }
  }
}

TEST_F(CandidateTest, FineTuningChangesTheInt8NetworkAlone) {
  const auto stream = Stream::create({DeviceKind::cpu, 0});
  const data::ResidentDataset data(*stream, dataset_);
  const auto run = [&](std::int64_t epochs) {
    experiment::CandidateSpec spec = experiment_.candidate({{"quantization.fine_tune", epochs}});
    return evaluate_candidate(*stream, data, sketch(spec, dataset_), 7, {}, {});
  };
  const auto bytes = [](const CandidateResult& result) {
    std::vector<std::int8_t> weights;
    for (const compress::Int8Step& step : result.int8.steps) {
      if (const auto* conv = std::get_if<compress::Int8Conv>(&step.operation)) {
        weights.insert(weights.end(), conv->weights.begin(), conv->weights.end());
      }
    }
    return weights;
  };
  const CandidateResult plain = run(0), tuned = run(1), again = run(1);
  EXPECT_EQ(plain.network.parameters, tuned.network.parameters);
  EXPECT_EQ(plain.float_accuracy, tuned.float_accuracy);
  EXPECT_NE(bytes(plain), bytes(tuned));
  EXPECT_EQ(bytes(tuned), bytes(again));
  ASSERT_EQ(plain.int8.tensors.size(), tuned.int8.tensors.size());
  for (std::size_t i = 0; i < plain.int8.tensors.size(); ++i) {
    EXPECT_EQ(plain.int8.tensors[i].quantization, tuned.int8.tensors[i].quantization) << i;
  }
  EXPECT_GE(tuned.planned_bytes, plain.planned_bytes);
}

TEST_F(CandidateTest, AStopIsHeededBeforeTheNextStepWhereverItComes) {
  // Training with pruning, fine-tuning, calibration, both accuracies on both splits.
  for (const char* criterion : {"taylor", "apoz"}) {
    experiment::CandidateSpec spec =
        experiment_.candidate({{"quantization.fine_tune", std::int64_t{1}},
                               {"training.epochs", std::int64_t{2}},
                               {"pruning.sparsity", 0.5},
                               {"pruning.criterion", "l1"}});
    spec.pruning.criterion = criterion == std::string("apoz") ? compress::PruningCriterion::apoz
                                                              : compress::PruningCriterion::taylor;
    const Sketch plan = sketch(spec, dataset_);
    const auto run = [&](StoppingStream& stream) {
      const data::ResidentDataset data(stream, dataset_);
      evaluate_candidate(
          stream, data, plan, 7, [](const train::EpochReport&) {}, stream.token());
    };
    StoppingStream whole(~std::size_t{0});
    run(whole);
    ASSERT_GT(whole.last_step(), 30u);
    for (std::size_t at = 0; at < whole.last_step(); at += 5) {
      StoppingStream stream(at);
      EXPECT_THROW(run(stream), Interrupted) << at;
      EXPECT_LE(stream.last_step(), at) << "a step was begun after the request";
      EXPECT_LT(stream.counted(), at + 25) << at;
    }
  }
}

TEST_F(CandidateTest, EqualCandidatesHaveEqualHashes) {
  const space::Values values = {{"model.width", 0.5}, {"training.learning_rate", 0.1}};
  EXPECT_EQ(hash(values), hash(values));
  // Widths that round to the same channels are one candidate.
  EXPECT_EQ(hash({{"model.width", 0.5}}), hash({{"model.width", 0.501}}));
  // With nothing to prune, how it would be pruned is all the same.
  EXPECT_EQ(hash({{"pruning.sparsity", 0.0}, {"pruning.criterion", "l1"}}),
            hash({{"pruning.sparsity", 0.0}, {"pruning.criterion", "taylor"}}));
  // Nor without fine-tuning its rate.
  EXPECT_EQ(hash({{"quantization.fine_tune_rate", 0.5}}), hash({}));
  EXPECT_NE(
      hash({{"quantization.fine_tune", std::int64_t{1}}}),
      hash({{"quantization.fine_tune", std::int64_t{1}}, {"quantization.fine_tune_rate", 0.5}}));
}

TEST_F(CandidateTest, WhateverTrainingDependsOnIsInTheHash) {
  const std::uint64_t plain = hash({{"pruning.sparsity", 0.5}});
  const std::map<std::string, space::Value> changes = {
      {"model.width", 0.5},
      {"model.blocks", std::int64_t{2}},
      {"training.epochs", std::int64_t{2}},
      {"training.batch", std::int64_t{16}},
      {"training.optimizer", "adam"},
      {"training.learning_rate", 0.2},
      {"training.momentum", 0.8},
      {"training.weight_decay", 0.01},
      {"training.decay_all", "true"},
      {"training.schedule", "step"},
      {"training.warmup", 0.5},
      {"training.step_factor", 0.2},
      {"training.label_smoothing", 0.1},
      {"training.shift", std::int64_t{4}},
      {"training.noise", 0.1},
      {"pruning.sparsity", 0.6},
      {"pruning.criterion", "taylor"},
      {"pruning.schedule", "one_shot"},
      {"pruning.end", 0.9},
      {"quantization.range", "percentile"},
      {"quantization.samples", std::int64_t{100}},
      {"quantization.fine_tune", std::int64_t{2}},
  };
  std::set<std::uint64_t> seen = {plain};
  for (const auto& [key, value] : changes) {
    space::Values values = {{"pruning.sparsity", 0.5}};
    values[key] = value;
    EXPECT_TRUE(seen.insert(hash(values)).second) << key;
  }
}

TEST_F(CandidateTest, ANetworkTooDeepForItsInputIsRefused) {
  const experiment::Experiment deep = experiment::load_experiment(
      file("[dataset]\nformat = \"synthetic\"\n[model]\nname = \"resnet8\"\n"));
  experiment::CandidateSpec spec = deep.candidate();
  spec.model.options["no such option"] = 1;
  EXPECT_THROW(sketch(spec, dataset_), UsageError);
}

}  // namespace
}  // namespace paretiny::search
