// A training is the same, to the bit, for any number of threads.
#include "engine/models/model.h"
#include "engine/train/evaluate.h"
#include "kernels/core/threads.h"
#include "tests/engine/compress/trained_networks.h"

namespace paretiny::train {
namespace {

using namespace test;

class ThreadCount : public testing::TestWithParam<const char*> {};

TEST_P(ThreadCount, DoesNotChangeATraining) {
  const bool series = std::string(GetParam()) == "series";
  const Shape sample = series ? Shape{1, 1, 128, 6} : Shape{1, 16, 16, 3};
  const graph::Graph graph =
      models::build_model({series ? "mobilenet_v3" : GetParam(), sample, 4, 0.5});
  const int before = thread_count();
  for (const Precision precision : {Precision::f32, Precision::bf16}) {
    std::vector<float> first;
    double first_loss = 0;
    for (const int threads : {1, 3}) {
      set_thread_count(threads);
      const auto stream = Stream::create({});
      const data::ResidentDataset data(*stream, make_dataset(sample));
      TrainingSpec training;
      training.epochs = 1;
      training.batch = 48;
      training.learning_rate = 0.05;
      training.precision = precision;
      const graph::Network network = train(*stream, data, graph, training, {}, kSeed).network;
      const double loss = evaluate(*stream, network, data, data.test).loss;
      if (threads == 1) {
        first = network.parameters;
        first_loss = loss;
      }
      EXPECT_EQ(network.parameters, first) << threads << " threads";
      EXPECT_EQ(loss, first_loss) << threads << " threads";
    }
  }
  set_thread_count(before);
}

INSTANTIATE_TEST_SUITE_P(All, ThreadCount, all_models());

}  // namespace
}  // namespace paretiny::train
