#include "engine/compress/prune.h"

#include <algorithm>

#include "engine/compress/pruning_plan.h"
#include "engine/models/model.h"
#include "engine/program/program.h"
#include "tests/support/kernels.h"

namespace paretiny::compress {

using graph::Graph;
using graph::Role;

namespace {

Graph built(const std::string& name, const Shape& input) {
  return models::build_model({.name = name, .input = input, .classes = 5, .width = 0.5});
}

const std::vector<std::pair<std::string, Shape>> kNetworks = {{"resnet18", {1, 12, 12, 3}},
                                                              {"resnet8", {1, 16, 16, 3}},
                                                              {"mobilenet_v3", {1, 32, 32, 3}},
                                                              {"mobilenet_v3", {1, 1, 64, 6}},
                                                              {"ds_cnn", {1, 20, 10, 1}}};

PruningSpec half() {
  PruningSpec spec;
  spec.schedule = PruningSchedule::one_shot;
  spec.sparsity = 0.5;
  return spec;
}

TEST(ChannelGroups, AResidualStageIsOneGroup) {
  const Graph graph = built("resnet18", {1, 12, 12, 3});
  const ChannelGroups groups(graph);
  const auto group_of = [&](const std::string& name) {
    for (graph::NodeId id = 0; id < graph.size(); ++id) {
      if (graph.node(id).name == name) return groups.of(id);
    }
    ADD_FAILURE() << name;
    return std::size_t{0};
  };
  EXPECT_EQ(group_of("stem/conv"), group_of("stage1/2/2/conv"));
  EXPECT_EQ(group_of("stage2/1/shortcut/conv"), group_of("stage2/2/2/conv"));
  EXPECT_NE(group_of("stage1/1/1/conv"), group_of("stage1/1/2/conv"));
  EXPECT_NE(group_of("stage1/1/2/conv"), group_of("stage2/1/2/conv"));
  EXPECT_FALSE(groups.groups()[group_of("classifier")].prunable);
  EXPECT_FALSE(groups.groups()[group_of("input")].prunable);
}

TEST(ChannelGroups, SqueezeAndExciteSharesItsBlocksChannels) {
  const Graph graph = built("mobilenet_v3", {1, 1, 64, 6});
  const ChannelGroups groups(graph);
  for (graph::NodeId id = 0; id < graph.size(); ++id) {
    if (graph.node(id).op != graph::OpKind::channel_scale) continue;
    const std::vector<graph::NodeId>& in = graph.node(id).inputs;
    EXPECT_EQ(groups.of(in[0]), groups.of(id));
    EXPECT_EQ(groups.of(in[1]), groups.of(id));
  }
}

TEST(Prune, ChannelsLeftFollowTheSpec) {
  const Graph graph = built("resnet18", {1, 12, 12, 3});
  const ChannelGroups groups(graph);
  PruningSpec spec = half();
  spec.sparsity = 0.9;
  spec.multiple = 4;
  spec.overrides = {{"stage3", 0.25}};
  const std::vector<std::int64_t> left = channels_left(graph, groups, spec, 1);
  for (std::size_t i = 0; i < left.size(); ++i) {
    const ChannelGroup& group = groups.groups()[i];
    if (!group.prunable) {
      EXPECT_EQ(left[i], group.channels);
    } else if (graph.node(group.members[0]).name.starts_with("stage3/")) {
      EXPECT_EQ(left[i], group.channels * 3 / 4);
    } else {
      EXPECT_GE(left[i], 1);
      EXPECT_EQ(left[i] % 4, 0);
      EXPECT_LE(left[i], group.channels / 10 + 4);
    }
  }
}

TEST(Prune, TheLongestPrefixCounts) {
  const Graph graph = built("resnet18", {1, 12, 12, 3});
  const ChannelGroups groups(graph);
  PruningSpec spec = half();
  for (const bool longest_first : {false, true}) {
    spec.overrides = {{"stage3", 0.25}, {"stage3/2", 0.75}, {"stage3/2/1/conv", 0.125}};
    if (longest_first) std::reverse(spec.overrides.begin(), spec.overrides.end());
    const std::vector<std::int64_t> left = channels_left(graph, groups, spec, 1);
    std::size_t met = 0;
    for (std::size_t i = 0; i < left.size(); ++i) {
      const ChannelGroup& group = groups.groups()[i];
      const std::string& name = graph.node(group.members[0]).name;
      if (!group.prunable || !name.starts_with("stage3/")) continue;
      EXPECT_EQ(left[i],
                name == "stage3/2/1/conv" ? group.channels * 7 / 8 : group.channels * 3 / 4)
          << name;
      ++met;
    }
    EXPECT_GE(met, 3u);
  }
  const auto refusal = [&](const std::string& prefix) -> std::string {
    spec.overrides = {{prefix, 0.5}};
    try {
      channels_left(graph, groups, spec, 1);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(refusal("stag3").find("did you mean 'stage3'"), std::string::npos);
  EXPECT_NE(refusal("stage3/9").find("'stage3/"), std::string::npos);
  EXPECT_NE(refusal("stage").find("did you mean 'stage"), std::string::npos);
  EXPECT_NE(refusal("").find("no layer's name"), std::string::npos);
  EXPECT_NE(refusal("classifier").find("channels all stay"), std::string::npos);
  EXPECT_NE(refusal("stage1/1/2").find("go with those of 'stem/conv'"), std::string::npos);
  EXPECT_EQ(refusal("stage1/1"), "");
}

/// Logits of a network for a random batch.
std::vector<double> logits(const Graph& graph, const std::vector<float>& values) {
  const auto stream = test::cpu_stream();
  const graph::ParameterLayout layout(graph);
  program::Program program(graph, layout, {program::ProgramKind::inference, 4});
  std::vector<float> parameters = values;
  program.bind(*stream, parameters.data(), nullptr);
  Random random(2, "batch");
  for (std::int64_t i = 0; i < program.input().elements(); ++i) {
    program.input().as<float>()[i] = static_cast<float>(random.normal());
  }
  std::fill_n(program.labels().as<std::int32_t>(), 4, 0);
  program.forward(*stream);
  const float* begin = program.logits().as<float>();
  return {begin, begin + program.logits().elements()};
}

/// On the CPU's stream: an array of every group's channels.
Buffer channel_array(Stream& stream, const ChannelGroups& groups) {
  Buffer array(stream.device(), static_cast<std::size_t>(groups.array_size()) * sizeof(float));
  stream.zero(array.data(), array.bytes());
  return array;
}

View as_array(const Buffer& buffer, DType dtype) {
  return buffer.at(0, dtype, {1, 1, 1, static_cast<std::int64_t>(buffer.bytes() / sizeof(float))});
}

/// Random parameters in which the channels of every prunable group that are not `kept` give zero:
/// whatever makes or normalises them is zero there.
std::vector<float> with_dead_channels(const Graph& graph, const ChannelGroups& groups,
                                      const KeptChannels& kept) {
  const graph::ParameterLayout layout(graph);
  std::vector<float> values(static_cast<std::size_t>(layout.total()));
  Random random(1, "parameters");
  for (const graph::ParameterTensor& tensor : layout.tensors()) {
    const std::size_t group = groups.of(tensor.node);
    const bool by_row =
        tensor.role == Role::weight && graph.node(tensor.node).op != graph::OpKind::depthwise;
    const std::int64_t row = by_row ? tensor.shape.elements() / tensor.shape.n : 1;
    const std::int64_t channels = by_row ? tensor.shape.n : tensor.shape.c;
    for (std::int64_t i = 0; i < tensor.shape.elements(); ++i) {
      const auto channel = static_cast<std::int32_t>(i / row % channels);
      const auto* const first = kept.index.as<std::int32_t>() + groups.groups()[group].offset;
      const bool alive = std::binary_search(first, first + kept.counts[group], channel);
      float value = 0.3f * static_cast<float>(random.normal());
      if (tensor.role == Role::running_var) value = 1 + std::abs(value);
      if (tensor.role == Role::gamma) value = 1 + value;
      const bool silences = tensor.role == Role::weight || tensor.role == Role::gamma ||
                            tensor.role == Role::beta || tensor.role == Role::bias;
      values[static_cast<std::size_t>(tensor.offset + i)] = !alive && silences ? 0 : value;
    }
  }
  return values;
}

TEST(Prune, RemovingDeadChannelsLeavesTheNetworksAnswerAsItWas) {
  for (const auto& [name, input] : kNetworks) {
    const Graph graph = built(name, input);
    const ChannelGroups groups(graph);
    const std::vector<std::int64_t> left = channels_left(graph, groups, half(), 1);
    const auto stream = test::cpu_stream();
    const Buffer scores = channel_array(*stream, groups);
    add_channel_scores(*stream, graph, graph::ParameterLayout(graph), groups,
                       PruningCriterion::random, {nullptr, nullptr, 1},
                       as_array(scores, DType::f32));
    const Buffer index = channel_array(*stream, groups);
    const KeptChannels kept{left, as_array(index, DType::i32)};
    select_channels(*stream, groups, as_array(scores, DType::f32), kept);
    const std::vector<float> values = with_dead_channels(graph, groups, kept);

    const Graph pruned = with_group_channels(graph, groups, left);
    const graph::ParameterLayout from(graph);
    const graph::ParameterLayout to(pruned);
    EXPECT_LT(static_cast<double>(to.total()), 0.6 * static_cast<double>(from.total()));
    std::vector<float> compacted(static_cast<std::size_t>(to.total()));
    compact(*stream, graph, groups, kept, from.total(), {from, values.data()},
            {to, compacted.data()});
    const std::vector<double> before = logits(graph, values);
    const std::vector<double> after = logits(pruned, compacted);
    EXPECT_GT(test::max_abs(before), 1e-3) << name;
    test::expect_near(after, before, 1e-4 * test::max_abs(before), name);
  }
}

TEST(Prune, CriteriaRankAsTheirDefinitionsSay) {
  // One convolution of three 1x1 filters on two channels, with batch norm and relu.
  Graph graph;
  graph::NodeId x = graph.input({1, 2, 2, 2});
  const graph::NodeId conv = graph.conv("a/conv", x, 3, nn::Window{});
  const graph::NodeId norm = graph.batch_norm("a/norm", conv);
  const graph::NodeId relu = graph.activation("a/relu", norm, nn::Activation::relu);
  graph.fully_connected("classifier", relu, 2);
  const graph::ParameterLayout layout(graph);
  const ChannelGroups groups(graph);
  std::vector<float> values(static_cast<std::size_t>(layout.total()));
  std::vector<float> gradients(static_cast<std::size_t>(layout.trainable_end()));
  const auto set = [&](std::vector<float>& to, graph::NodeId node, Role role,
                       std::vector<float> list) {
    std::copy(list.begin(), list.end(), to.begin() + layout.find(node, role)->offset);
  };
  set(values, conv, Role::weight, {3, 0, -2, 2, 1, -1});
  set(gradients, conv, Role::weight, {0.1f, 9, 1, -1, 5, 0});
  set(values, norm, Role::gamma, {0.5f, -2, 1});
  PruningState state{values.data(), gradients.data(), 1};
  const auto stream = test::cpu_stream();
  const std::vector<float> shares = {0.2f, 0.9f, 0.5f};
  const auto scores = [&](PruningCriterion criterion) {
    const Buffer array = channel_array(*stream, groups);
    const ChannelGroup& group = groups.groups()[groups.of(conv)];
    const View own = channels_of(as_array(array, DType::f32), group, 3);
    if (criterion == PruningCriterion::apoz) stream->upload(own.data, shares.data(), own.bytes());
    add_channel_scores(*stream, graph, layout, groups, criterion, state,
                       as_array(array, DType::f32));
    return std::vector<float>(own.as<float>(), own.as<float>() + 3);
  };
  using Scores = std::vector<float>;
  EXPECT_EQ(scores(PruningCriterion::l1), (Scores{3, 4, 2}));
  EXPECT_EQ(scores(PruningCriterion::l2), (Scores{9, 8, 2}));
  EXPECT_EQ(scores(PruningCriterion::batch_norm), (Scores{0.5f, 2, 1}));
  const Scores taylor = scores(PruningCriterion::taylor);
  EXPECT_NEAR(taylor[0], 0.3, 1e-6);
  EXPECT_NEAR(taylor[1], 4, 1e-6);
  EXPECT_NEAR(taylor[2], 5, 1e-6);
  EXPECT_EQ(scores(PruningCriterion::apoz), (Scores{0.2f, 0.9f, 0.5f}));
  const Scores random = scores(PruningCriterion::random);
  EXPECT_EQ(random, scores(PruningCriterion::random));
  state.seed = 2;
  EXPECT_NE(random, scores(PruningCriterion::random));
}

TEST(PruningPlan, KnowsEveryNetworkThatIsTrained) {
  const Graph graph = built("mobilenet_v3", {1, 1, 64, 6});
  PruningSpec spec = half();
  spec.schedule = PruningSchedule::agp;
  const PruningPlan plan(graph, spec, 20);
  const std::vector<Graph> stages = plan.stages();
  EXPECT_EQ(stages.front(), graph);
  EXPECT_EQ(stages.back(), with_group_channels(graph, ChannelGroups(graph), plan.channels(19)));
  ASSERT_GT(stages.size(), 5u);
  for (std::size_t i = 1; i < stages.size(); ++i) {
    EXPECT_GT(plan.sparsity(stages[i]), plan.sparsity(stages[i - 1]));
    EXPECT_LT(graph::ParameterLayout(stages[i]).total(),
              graph::ParameterLayout(stages[i - 1]).total());
  }
  EXPECT_NEAR(plan.sparsity(stages.back()), 0.5, 0.02);
  spec.schedule = PruningSchedule::none;
  EXPECT_EQ(PruningPlan(graph, spec, 20).stages().size(), 1u);
}

TEST(Prune, AgpStartsFastAndEndsAtTheWhole) {
  PruningSpec spec;
  spec.schedule = PruningSchedule::agp;
  spec.begin = 0.2;
  spec.end = 0.7;
  EXPECT_EQ(pruning_progress(spec, 1, 10), 0);
  double before = 0;
  double gain = 1;
  for (std::int64_t epoch = 2; epoch < 7; ++epoch) {
    const double now = pruning_progress(spec, epoch, 10);
    EXPECT_GT(now, before);
    EXPECT_LT(now - before, gain);
    gain = now - before;
    before = now;
  }
  EXPECT_EQ(pruning_progress(spec, 7, 10), 1);
  spec.schedule = PruningSchedule::one_shot;
  EXPECT_EQ(pruning_progress(spec, 1, 10), 0);
  EXPECT_EQ(pruning_progress(spec, 2, 10), 1);
  // However few the epochs, all of it is done before the last one.
  spec.schedule = PruningSchedule::agp;
  for (std::int64_t epochs = 1; epochs < 12; ++epochs) {
    EXPECT_EQ(pruning_progress(spec, epochs - 1, epochs), 1) << epochs;
  }
}

}  // namespace
}  // namespace paretiny::compress
