// What a recorded training step launches on a GPU.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "engine/train/trainer.h"
#include "tests/simt/recording.h"
#include "tests/support/kernels.h"

namespace paretiny::train {
namespace {

/// Three dense layers, a stem of channels that fill no pack among them, and a pointwise one.
graph::Graph dense_network(const Shape& sample) {
  graph::Graph g;
  const nn::Window window = nn::Window::same(sample.h, sample.w, 3, 3, 1, 1);
  graph::NodeId x = g.input(sample);
  const auto layer = [&](const std::string& name, std::int64_t channels, const nn::Window& taps) {
    x = g.batch_norm(name + "/norm", g.conv(name + "/conv", x, channels, taps));
    x = g.activation(name + "/act", x, nn::Activation::relu);
  };
  layer("stem", 16, window);
  layer("second", 32, window);
  layer("third", 16, window);
  layer("point", 16, nn::Window{});
  g.fully_connected("classifier", g.global_average_pool("pool", x), 3);
  return g;
}

/// What a step of the last epoch launches, and the network that comes out.
struct Step {
  std::vector<std::string> launches;
  graph::Network network;

  std::int64_t count(const char* name) const {
    return std::count(launches.begin(), launches.end(), name);
  }
};

Step step_with(const char* variants, Optimizer optimizer, double sparsity = 0.5) {
  setenv("PARETINY_CUDA_VARIANTS", variants, 1);
  const auto stream = test::test_stream();
  const data::Dataset set =
      data::load_dataset({.format = "synthetic",
                          .limit = 16,
                          .options = {{"samples", "100"}, {"classes", "3"}, {"length", "64"}}});
  const data::ResidentDataset data(*stream, set);
  TrainingSpec training;
  training.epochs = 2;
  training.batch = 8;
  training.optimizer = optimizer;
  training.learning_rate = optimizer == Optimizer::sgd ? 0.1 : 0.01;
  training.precision = Precision::bf16;
  compress::PruningSpec pruning;
  pruning.schedule = compress::PruningSchedule::one_shot;
  pruning.criterion = compress::PruningCriterion::l1;
  pruning.sparsity = sparsity;
  pruning.begin = 0.5;
  Step step;
  step.network = train(*stream, data, dense_network(set.sample()), training, pruning, 7).network;
  step.launches = simt::last_captured();
  unsetenv("PARETINY_CUDA_VARIANTS");
  return step;
}

TEST(TrainingStep, CastsWeightsOnce) {
  for (const Optimizer optimizer : {Optimizer::sgd, Optimizer::adamw}) {
    const Step each = step_with("weights=cast_each", optimizer);
    const Step once = step_with("weights=cast_once", optimizer);
    EXPECT_EQ(once.network.graph, each.network.graph);
    EXPECT_EQ(once.network.parameters, each.network.parameters);
    // The forward passes of dense layers, and the data gradients of all but the stem.
    EXPECT_EQ(each.count("conv_weights"), 3 + 2);
    // What is left rearranges weights that are in bf16 already: the data gradients, and the stem.
    EXPECT_EQ(once.count("conv_weights"), 1 + 2);
    EXPECT_EQ(once.count("convert"), 0);
  }
}

/// Pruned to widths that fill no packs, and told, kept and exported without what fills them up.
TEST(TrainingStep, DeadChannelsAreNowhereToBeSeen) {
  for (const Optimizer optimizer : {Optimizer::sgd, Optimizer::adamw}) {
    const Step packed = step_with("channels=packed", optimizer, 0.4);
    const Step padded = step_with("channels=padded", optimizer, 0.4);
    EXPECT_EQ(padded.network.graph, packed.network.graph);
    ASSERT_EQ(padded.network.parameters.size(), packed.network.parameters.size());
    test::expect_near({padded.network.parameters.begin(), padded.network.parameters.end()},
                      {packed.network.parameters.begin(), packed.network.parameters.end()}, 0.05,
                      "parameters");
    EXPECT_GT(packed.count("conv_pad"), 0);
    EXPECT_EQ(padded.count("conv_pad"), 2) << "the picture's three channels, in both directions";
  }
}

/// The batch norms behind the stem and behind the second layer, which dense convolutions read.
TEST(TrainingStep, ReadsThroughBatchNormOnTheWayIn) {
  const Step stored = step_with("conv_forward=halo", Optimizer::sgd);
  const Step read = step_with("conv_forward=halo,conv_input=read_through", Optimizer::sgd);
  EXPECT_EQ(stored.count("conv_read"), 0);
  EXPECT_EQ(read.count("conv_read"), 2) << "for the weight gradients";
  EXPECT_EQ(stored.count("conv_halo_forward"), read.count("conv_halo_forward"));
  EXPECT_GT(read.count("conv_halo_forward"), 0);
  EXPECT_EQ(stored.count("batchnorm: normalising") - read.count("batchnorm: normalising"), 2);
  ASSERT_EQ(read.network.parameters.size(), stored.network.parameters.size());
  test::expect_near({read.network.parameters.begin(), read.network.parameters.end()},
                    {stored.network.parameters.begin(), stored.network.parameters.end()}, 0.05,
                    "parameters");
}

}  // namespace
}  // namespace paretiny::train
