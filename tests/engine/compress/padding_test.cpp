// Dead channels stay dead, and a network with them computes and learns what it does without.
#include "engine/compress/padding.h"

#include "engine/models/model.h"
#include "engine/program/program.h"
#include "kernels/nn/training/optimizer.h"
#include "tests/engine/program/values.h"
#include "tests/support/kernels.h"

namespace paretiny::compress {
namespace {

using graph::Graph;
using graph::NodeId;
using test::download;
using Array = PaddedNetwork::Array;

/// A network that is trained without a Trainer.
class Training {
 public:
  static constexpr std::int64_t kBatch = 5;

  Training(const Graph& plain, std::int64_t multiple, DType dtype, bool adam)
      : adam_(adam),
        stream_(test::test_stream()),
        network_(plain, multiple),
        program_(network_.graph(), network_.layout(),
                 {program::ProgramKind::training, kBatch, dtype, 0.1f, dtype == DType::bf16}) {
    const auto total = static_cast<std::size_t>(network_.layout().total()) * sizeof(float);
    for (Buffer* each : {&parameters_, &gradients_, &first_, &second_}) {
      *each = Buffer(stream_->device(), total);
      stream_->zero(each->data(), total);
    }
    const graph::ParameterLayout layout(plain);
    std::vector<float> values = graph::initial_parameters(plain, layout, 3);
    // Gammas of zero would hide the residual branches.
    for (const graph::ParameterTensor& tensor : layout.tensors()) {
      if (tensor.role != graph::Role::gamma) continue;
      std::fill_n(values.begin() + tensor.offset, tensor.shape.elements(), 0.8f);
    }
    const std::vector<float> padded = network_.padded(values, Array::parameters);
    stream_->upload(parameters_.data(), padded.data(), padded.size() * sizeof(float));
    program_.bind(*stream_, static_cast<float*>(parameters_.data()),
                  static_cast<float*>(gradients_.data()));
  }

  /// Runs step `index`, counted from 1, and gives the losses.
  std::vector<double> step(int index) {
    Random random(static_cast<std::uint64_t>(index), "input");
    const View input = program_.input();
    std::vector<double> x(static_cast<std::size_t>(input.elements()));
    for (double& each : x) each = random.normal();
    if (input.dtype == DType::f32) {
      test::upload(*stream_, input, x);
    } else {
      std::vector<bf16> narrow;
      for (const double each : x) narrow.push_back(to_bf16(static_cast<float>(each)));
      stream_->upload(input.data, narrow.data(), input.bytes());
    }
    test::upload(*stream_, program_.labels(), {0, 1, 2, 3, 4});
    program_.forward(*stream_);
    program_.backward(*stream_);
    const Shape flat{1, 1, 1, network_.layout().trainable_end()};
    const auto part = [&](const Buffer& array) { return array.at(0, DType::f32, flat); };
    const Buffer schedule(stream_->device(), 3 * sizeof(float));
    const auto t = static_cast<float>(index);
    const float rates[] = {adam_ ? 0.001f : 0.01f, 1 - std::pow(0.9f, t), 1 - std::pow(0.999f, t)};
    stream_->upload(schedule.data(), rates, sizeof(rates));
    if (adam_) {
      nn::adam_step(
          *stream_, {.weight_decay = 0.01f}, schedule.at(0, DType::f32, {1, 1, 1, 3}),
          {.g = part(gradients_), .w = part(parameters_), .m = part(first_), .v = part(second_)});
    } else {
      nn::sgd_step(*stream_, {0.9f, 0.01f, true}, schedule.at(0, DType::f32, {1, 1, 1, 1}),
                   {.g = part(gradients_), .w = part(parameters_), .m = part(first_)});
    }
    return download(*stream_, program_.losses());
  }

  const PaddedNetwork& network() const { return network_; }
  std::vector<std::vector<float>> arrays() const {
    std::vector<std::vector<float>> all;
    for (const Buffer* each : {&parameters_, &gradients_, &first_, &second_}) {
      all.emplace_back(static_cast<std::size_t>(network_.layout().total()));
      stream_->download(all.back().data(), each->data(), all.back().size() * sizeof(float));
    }
    return all;
  }

 private:
  bool adam_;
  std::unique_ptr<Stream> stream_;
  PaddedNetwork network_;
  program::Program program_;
  Buffer parameters_, gradients_, first_, second_;
};

std::vector<Graph> odd_networks() {
  std::vector<Graph> all;
  for (const char* name : {"resnet8", "mobilenet_v3", "ds_cnn"}) {
    models::ModelSpec spec{.name = name, .input = {1, 12, 9, 3}, .classes = 5, .width = 0.45};
    if (spec.name != "resnet8") spec.options = {{"blocks", spec.name == "ds_cnn" ? 1.0 : 4.0}};
    Graph graph = models::build_model(spec);
    // As pruning leaves them.
    const ChannelGroups groups(graph);
    std::vector<std::int64_t> channels;
    for (const ChannelGroup& group : groups.groups()) {
      channels.push_back(group.prunable ? group.channels - group.channels / 3 : group.channels);
    }
    all.push_back(with_group_channels(graph, groups, channels));
  }
  return all;
}

TEST(Padding, DeadChannelsStayZeroAndTheRestLearnsTheSame) {
  for (const Graph& plain : odd_networks()) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      for (const bool adam : {false, true}) {
        SCOPED_TRACE(std::to_string(plain.size()) + " nodes, " + name_of(dtype));
        Training with(plain, 8, dtype, adam), without(plain, 1, dtype, adam);
        ASSERT_NE(with.network().graph(), plain);
        ASSERT_EQ(without.network().graph(), plain);
        for (int index = 1; index <= 3; ++index) {
          const std::vector<double> own = with.step(index);
          const std::vector<double> expected = without.step(index);
          test::expect_near(own, expected, dtype == DType::f32 ? 2e-3 : 0.1, "losses");
        }
        for (const std::vector<float>& array : with.arrays()) {
          const PaddedNetwork& network = with.network();
          const auto alive = network.stripped(array, Array::parameters);
          EXPECT_EQ(network.padded(alive, Array::parameters), array) << "a dead channel has lived";
        }
      }
    }
  }
}

TEST(Padding, ArraysComeBackAsTheyWere) {
  for (const Graph& plain : odd_networks()) {
    const PaddedNetwork network(plain, 8);
    const graph::ParameterLayout layout(plain);
    for (const Array array : {Array::parameters, Array::state}) {
      std::vector<float> values = graph::initial_parameters(plain, layout, 1);
      values.resize(static_cast<std::size_t>(array == Array::state ? layout.trainable_end()
                                                                   : layout.total()));
      EXPECT_EQ(network.stripped(network.padded(values, array), array), values);
    }
    const ChannelGroups groups(plain), padded(network.graph());
    for (std::size_t i = 0; i < groups.groups().size(); ++i) {
      const ChannelGroup& group = padded.groups()[i];
      EXPECT_EQ(group.offset, groups.groups()[i].offset) << "arrays by channel have one layout";
      EXPECT_EQ(group.channels % (group.prunable ? 8 : 1), 0);
    }
  }
}

/// A hard sigmoid of zero is a half: read by weights it would teach them.
TEST(Padding, LeavesOutChannelsThatWouldNotStayZero) {
  const auto network = [](bool gates) {
    Graph g;
    NodeId x = g.input({1, 4, 4, 3});
    x = g.conv("first", x, 5, nn::Window{});
    NodeId gate = g.global_average_pool("pool", x);
    gate = g.activation("gate", g.conv("second", gate, 5, nn::Window{}, true),
                        nn::Activation::hard_sigmoid);
    x = gates ? g.channel_scale("scale", x, gate) : gate;
    g.fully_connected("classifier", g.global_average_pool("last", x), 3);
    return g;
  };
  EXPECT_EQ(PaddedNetwork(network(true), 8).graph().node(1).output.c, 8);
  const PaddedNetwork open(network(false), 8);
  EXPECT_EQ(open.graph().node(1).output.c, 8);
  EXPECT_EQ(open.graph().node(3).output.c, 5);
  EXPECT_EQ(open.graph().node(0).output.c, 3) << "the input is not the network's";
}

}  // namespace
}  // namespace paretiny::compress
