// Whole training runs on the device under test beside the same on the CPU: ten steps, a pruning
// step among them, and the evaluation in integers.
#include <chrono>
#include <map>
#include <thread>

#include "engine/compress/quantize.h"
#include "engine/models/model.h"
#include "engine/train/evaluate.h"
#include "engine/train/trainer.h"
#include "tests/support/kernels.h"

namespace paretiny::train {

using compress::PruningCriterion;
using nn::Activation;
using nn::Window;

namespace {

using test::cpu_stream;
using test::slow_device;
using test::test_stream;

constexpr std::int64_t kClasses = 4;

/// Images with a bright band that names their class, in noise.
data::Samples images(const Shape& sample, std::int64_t size, std::uint64_t seed) {
  Random random(seed, "images");
  data::Samples samples;
  samples.dtype = DType::u8;
  samples.sample = sample;
  for (std::int64_t i = 0; i < size; ++i) {
    const std::int64_t label = i % kClasses;
    samples.labels.push_back(static_cast<std::int32_t>(label));
    for (std::int64_t e = 0; e < sample.elements(); ++e) {
      const std::int64_t row = e / (sample.w * sample.c);
      const bool bright = kClasses * row / sample.h == label;
      const auto value = (bright ? 140 : 60) + random.below(100);
      samples.values.push_back(static_cast<std::byte>(value));
    }
  }
  return samples;
}

/// One training step an epoch.
data::Dataset image_set(const Shape& sample, std::int64_t batch) {
  data::Dataset set;
  set.classes = {"a", "b", "c", "d"};
  set.scale.assign(static_cast<std::size_t>(sample.c), 1 / 50.0f);
  set.shift.assign(static_cast<std::size_t>(sample.c), -2);
  set.train = images(sample, batch, 1);
  set.validation = images(sample, batch, 2);
  set.test = images(sample, batch, 3);
  return set;
}

/// Every kind of layer once: dense and depthwise-separable convolutions, squeeze-and-excite, a
/// residual addition, pools.
graph::Graph tiny_network() {
  graph::Graph g;
  const auto norm = [&](const std::string& name, graph::NodeId x, Activation activation) {
    x = g.batch_norm(name + "/norm", x);
    return activation == Activation::none ? x : g.activation(name + "/act", x, activation);
  };
  graph::NodeId x = g.input({1, 8, 8, 3});
  x = norm("stem", g.conv("stem/conv", x, 8, Window::same(8, 8, 3, 3, 1, 1)), Activation::relu);
  const graph::NodeId shortcut = x;
  x = norm("expand", g.conv("expand/conv", x, 12, Window{}), Activation::hard_swish);
  x = norm("deep", g.depthwise("deep/conv", x, Window::same(8, 8, 3, 3, 1, 1)),
           Activation::hard_swish);
  graph::NodeId gate = g.global_average_pool("gate/pool", x);
  gate =
      g.activation("gate/relu", g.conv("gate/reduce", gate, 4, Window{}, true), Activation::relu);
  gate = g.activation("gate/sigmoid", g.conv("gate/expand", gate, 12, Window{}, true),
                      Activation::hard_sigmoid);
  x = g.channel_scale("gate/scale", x, gate);
  x = norm("project", g.conv("project/conv", x, 8, Window{}), Activation::none);
  x = g.activation("sum/relu", g.add("sum/add", shortcut, x), Activation::relu);
  x = g.max_pool("max", x, Window::same(8, 8, 2, 2, 2, 2));
  x = norm("second", g.depthwise("second/conv", x, Window::same(4, 4, 3, 3, 2, 2)),
           Activation::relu);
  x = norm("last", g.conv("last/conv", x, 8, Window{}), Activation::relu6);
  x = g.average_pool("mean", x, Window::same(2, 2, 2, 2, 1, 1));
  g.fully_connected("classifier", g.global_average_pool("pool", x), kClasses);
  return g;
}

struct Trained {
  std::vector<double> losses, accuracies;  ///< of each step; on the validation split
  graph::Network network;
};

Trained trained(Stream& stream, const data::Dataset& set, const graph::Graph& graph,
                PruningCriterion criterion, DType dtype = DType::f32) {
  TrainingSpec training;
  training.epochs = 10;
  training.batch = set.train.size();
  training.learning_rate = 0.1;
  training.crop = 1;
  training.flip = true;
  training.precision = dtype == DType::f32 ? Precision::f32 : Precision::bf16;
  compress::PruningSpec pruning;
  pruning.schedule = compress::PruningSchedule::one_shot;
  pruning.criterion = criterion;
  pruning.sparsity = 0.25;
  pruning.begin = 0.5;
  const data::ResidentDataset data(stream, set);
  Trained run;
  run.network = train(stream, data, graph, training, pruning, 7, [&](const EpochReport& report) {
                  run.losses.push_back(report.loss);
                  run.accuracies.push_back(report.validation_accuracy);
                }).network;
  return run;
}

void expect_alike(const Trained& device, const Trained& cpu, double tolerance) {
  ASSERT_EQ(device.losses.size(), cpu.losses.size());
  for (std::size_t i = 0; i < cpu.losses.size(); ++i) {
    EXPECT_NEAR(device.losses[i], cpu.losses[i], tolerance) << "step " << i;
  }
  EXPECT_EQ(device.network.graph, cpu.network.graph);
  EXPECT_LT(cpu.losses.back(), cpu.losses.front());
}

TEST(DeviceTraining, LossesAreThoseOfTheCpu) {
  const data::Dataset set = image_set({1, 8, 8, 3}, 8);
  const graph::Graph graph = tiny_network();
  const auto device = test_stream();
  for (const PruningCriterion criterion : {PruningCriterion::taylor, PruningCriterion::apoz}) {
    SCOPED_TRACE(name_of(criterion));
    const Trained own = trained(*device, set, graph, criterion);
    const Trained cpu = trained(*cpu_stream(), set, graph, criterion);
    // The SIMT twin multiplies in full f32, a GPU may not.
    expect_alike(own, cpu, slow_device() ? 1e-5 : 2e-3);
    EXPECT_LT(own.network.parameters.size(),
              static_cast<std::size_t>(graph::ParameterLayout(graph).total()));
    // The weights differ by rounding that grew, so a sample on the edge may fall either way.
    EXPECT_NEAR(own.accuracies.back(), cpu.accuracies.back(), 0.13);
  }
}

TEST(DeviceTraining, OneSeedGivesOneNetworkBitByBit) {
  const data::Dataset set = image_set({1, 8, 8, 3}, 8);
  const auto device = test_stream();
  const Trained first = trained(*device, set, tiny_network(), PruningCriterion::l1, DType::bf16);
  const Trained second = trained(*device, set, tiny_network(), PruningCriterion::l1, DType::bf16);
  EXPECT_EQ(first.losses, second.losses);
  EXPECT_EQ(first.network.parameters, second.network.parameters);
}

/// Again and again interrupted, in the middle of epochs too, and gone on with.
TEST(DeviceTraining, GoesOnExactlyFromACheckpoint) {
  const data::Dataset set = image_set({1, 8, 8, 3}, 24);
  const graph::Graph graph = tiny_network();
  const auto stream = test_stream();
  const data::ResidentDataset data(*stream, set);
  TrainingSpec training;
  training.epochs = 3;
  training.batch = 8;
  training.crop = 1;
  training.optimizer = Optimizer::adamw;
  training.learning_rate = 0.01;
  training.precision = Precision::bf16;  // whose copy of the weights no checkpoint holds
  compress::PruningSpec pruning;
  pruning.schedule = compress::PruningSchedule::one_shot;
  pruning.criterion = PruningCriterion::taylor;
  pruning.sparsity = 0.25;
  pruning.begin = 0.5;
  const auto run = [&](const Continuation& continuation, std::stop_token stop) {
    return train(
               *stream, data, graph, training, pruning, 7, [](const EpochReport&) {}, stop,
               continuation)
        .network;
  };
  std::map<std::int64_t, std::vector<std::uint8_t>> kept;
  std::int64_t epochs_done = 0;
  Continuation all;
  all.wanted = [&](std::int64_t epochs) { return epochs_done = epochs, true; };
  all.keep = [&](std::vector<std::uint8_t> bytes) { kept[epochs_done] = std::move(bytes); };
  const graph::Network whole = run(all, {});
  for (const auto& [epochs, bytes] : kept) {
    Continuation from;
    from.from = bytes;
    from.refused = [](const std::string& why) { ADD_FAILURE() << why; };
    const graph::Network continued = run(from, {});
    EXPECT_EQ(continued.graph, whole.graph) << epochs;
    EXPECT_EQ(continued.parameters, whole.parameters) << epochs;
  }

  std::vector<std::uint8_t> at;
  for (int i = 0;; ++i) {
    Continuation next;
    next.from = at;
    next.refused = [](const std::string& why) { ADD_FAILURE() << why; };
    next.keep = [&](std::vector<std::uint8_t> bytes) { at = std::move(bytes); };
    std::stop_source source;
    const std::jthread stopper([&source, i] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20 << i));
      source.request_stop();
    });
    try {
      EXPECT_EQ(run(next, source.get_token()).parameters, whole.parameters);
      break;
    } catch (const Interrupted&) {
    }
  }
}

TEST(DeviceTraining, Int8AnswersAreThoseOfTheCpu) {
  const data::Dataset set = image_set({1, 8, 8, 3}, 8);
  const auto cpu = cpu_stream();
  const graph::Network network = trained(*cpu, set, tiny_network(), PruningCriterion::l2).network;
  const data::ResidentDataset data(*cpu, set);
  const compress::Int8Network int8 = compress::quantize(*cpu, network, data, {.samples = 8}, 1);
  const auto device = test_stream();
  const data::ResidentDataset there(*device, set);
  EXPECT_EQ(int8_accuracy(*device, int8, there, there.test),
            int8_accuracy(*cpu, int8, data, data.test));
  // Calibrated there as well.
  const compress::Int8Network own = compress::quantize(*device, network, there, {.samples = 8}, 1);
  ASSERT_EQ(own.tensors.size(), int8.tensors.size());
  for (std::size_t i = 0; i < own.tensors.size(); ++i) {
    const int8::Quantization& expected = int8.tensors[i].quantization;
    EXPECT_NEAR(own.tensors[i].quantization.scale, expected.scale, 1e-4 * expected.scale)
        << own.tensors[i].name;
  }
}

TEST(DeviceTraining, ResNet8TrainsAsOnTheCpu) {
  if (slow_device()) GTEST_SKIP() << "too many steps for the SIMT twin";
  const Shape sample{1, 32, 32, 3};
  const data::Dataset set = image_set(sample, 64);
  const graph::Graph graph =
      models::build_model({.name = "resnet8", .input = sample, .classes = kClasses});
  const auto device = test_stream();
  const Trained own = trained(*device, set, graph, PruningCriterion::l1);
  expect_alike(own, trained(*cpu_stream(), set, graph, PruningCriterion::l1), 1e-2);
  const Trained again = trained(*device, set, graph, PruningCriterion::l1);
  EXPECT_EQ(own.network.parameters, again.network.parameters);
}

}  // namespace
}  // namespace paretiny::train
