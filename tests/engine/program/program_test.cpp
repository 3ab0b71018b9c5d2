// Ten training steps of three networks against PyTorch's in double precision
// (shared/vectors/train/networks), and gradients of whole networks by finite differences.
#include "engine/program/program.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "engine/models/model.h"
#include "kernels/optimizer.h"
#include "tests/support/kernels.h"

namespace paretiny {
namespace {

using nlohmann::json;
using test::read_npy;

OpKind op_of(const std::string& name) {
  if (name == "conv2d" || name == "pointwise_conv2d") return OpKind::conv;
  if (name == "depthwise_conv2d") return OpKind::depthwise;
  if (name == "batch_norm") return OpKind::batch_norm;
  if (name == "add") return OpKind::add;
  if (name == "channel_scale") return OpKind::channel_scale;
  if (name == "global_avg_pool") return OpKind::global_average_pool;
  if (name == "linear") return OpKind::fully_connected;
  return OpKind::activation;
}

Activation activation_of(const std::string& name) {
  for (const Activation a :
       {Activation::relu, Activation::relu6, Activation::hard_swish, Activation::hard_sigmoid}) {
    if (name == name_of(a)) return a;
  }
  ADD_FAILURE() << "unknown op " << name;
  return Activation::none;
}

Role role_of(const std::string& name) {
  if (name == "w") return Role::weight;
  if (name == "b") return Role::bias;
  for (const Role role : {Role::gamma, Role::beta, Role::running_mean, Role::running_var}) {
    if (name == name_of(role)) return role;
  }
  ADD_FAILURE() << "unknown role " << name;
  return Role::weight;
}

/// One network of the vectors, read into our own terms.
struct Reference {
  explicit Reference(const std::string& name)
      : folder(std::filesystem::path(PARETINY_SHARED) / "vectors/train/networks" / name) {
    std::ifstream file(folder / "network.json");
    form = json::parse(file);
    const auto shape = form["input"]["shape"].get<std::vector<std::int64_t>>();
    batch = shape[0];
    ids["input"] = graph.input({1, shape[1], shape[2], shape[3]});
    for (const json& node : form["nodes"]) add(node);
    layout = ParameterLayout(graph);
    for (const json& node : form["nodes"]) {
      if (!node.contains("weights")) continue;
      for (const auto& [role, parameter] : node["weights"].items()) {
        tensors[parameter] = *layout.find(ids[node["name"]], role_of(role));
      }
    }
  }

  void add(const json& node) {
    const std::string name = node["name"];
    const NodeId from = ids.at(node["inputs"][0]);
    const NodeId other = ids.at(node["inputs"].back());
    const std::int64_t channels = node["output_shape"].back();
    const bool bias = node.contains("attributes") && node["attributes"].value("bias", false);
    const auto window = [&] {
      const json& a = node["attributes"];
      const json& pad = a["padding"];
      return Window{a["kernel"][0], a["kernel"][1], a["stride"][0], a["stride"][1],
                    pad[0],         pad[1],         pad[2],         pad[3]};
    };
    ids[name] = [&] {
      switch (op_of(node["op"])) {
        case OpKind::conv:
          return graph.conv(name, from, channels, window(), bias);
        case OpKind::depthwise:
          return graph.depthwise(name, from, window(), bias);
        case OpKind::batch_norm:
          return graph.batch_norm(name, from, node["attributes"]["eps"],
                                  node["attributes"]["momentum"]);
        case OpKind::add:
          return graph.add(name, from, other);
        case OpKind::channel_scale:
          return graph.channel_scale(name, from, other);
        case OpKind::global_average_pool:
          return graph.global_average_pool(name, from);
        case OpKind::fully_connected:
          return graph.fully_connected(name, from, channels, bias);
        default:
          return graph.activation(name, from, activation_of(node["op"]));
      }
    }();
  }

  std::vector<double> read(const std::string& file) const { return read_npy(folder / file); }

  std::filesystem::path folder;
  json form;
  std::int64_t batch = 0;
  Graph graph;
  ParameterLayout layout;
  std::map<std::string, NodeId> ids;
  std::map<std::string, ParameterTensor> tensors;  // by the vectors' parameter names
};

void upload(Stream& stream, const View& to, const std::vector<double>& values) {
  if (to.dtype == DType::i32) {
    const std::vector<std::int32_t> labels(values.begin(), values.end());
    stream.upload(to.data, labels.data(), to.bytes());
  } else {
    const std::vector<float> floats(values.begin(), values.end());
    stream.upload(to.data, floats.data(), to.bytes());
  }
}

std::vector<double> download(Stream& stream, const ConstView& from) {
  std::vector<float> floats(static_cast<std::size_t>(from.elements()));
  stream.download(floats.data(), from.data, from.bytes());
  return {floats.begin(), floats.end()};
}

double tolerance(const json& entry, const std::string& of) {
  return 10 * entry[of + "_float32_max_abs_error"].get<double>() +
         1e-6 * entry[of + "_max_abs"].get<double>();
}

class ReferenceNetwork : public testing::TestWithParam<const char*> {};

TEST_P(ReferenceNetwork, TrainsAsPyTorchDoes) {
  if (!std::filesystem::exists(std::filesystem::path(PARETINY_SHARED) / "vectors/train")) {
    GTEST_SKIP() << "no reference vectors in " PARETINY_SHARED;
  }
  if (test::slow_device() && GetParam() != std::string("mobilenet_v3_1d")) {
    GTEST_SKIP() << "left to faster devices";
  }
  const Reference reference(GetParam());
  const json& training = reference.form["training"];
  const auto stream = test::test_stream();
  const auto floats = [&](std::int64_t count) {
    Buffer buffer(stream->device(), static_cast<std::size_t>(count) * sizeof(float));
    stream->zero(buffer.data(), buffer.bytes());
    return buffer;
  };
  const std::int64_t end = reference.layout.trainable_end();
  const Buffer parameters = floats(reference.layout.total());
  const Buffer gradients = floats(end);
  const Buffer momentum = floats(end);
  const Buffer rate = floats(1);
  double weight_decay = 0;
  double other_decay = 0;
  for (const json& parameter : reference.form["parameters"]) {
    const ParameterTensor& tensor = reference.tensors.at(parameter["name"]);
    const auto bytes = static_cast<std::size_t>(tensor.offset) * sizeof(float);
    upload(*stream, parameters.at(bytes, DType::f32, tensor.shape),
           reference.read(parameter["init"]));
    if (!parameter["trainable"].get<bool>()) continue;
    (tensor.role == Role::weight ? weight_decay : other_decay) = parameter["weight_decay"];
  }

  Program program(reference.graph, reference.layout,
                  {ProgramKind::training, reference.batch, DType::f32,
                   training["loss"]["label_smoothing"].get<float>()});
  program.bind(*stream, static_cast<float*>(parameters.data()),
               static_cast<float*>(gradients.data()));
  const auto update = [&](std::int64_t from, std::int64_t to, double decay) {
    const auto part = [&](const Buffer& buffer) {
      return buffer.at(static_cast<std::size_t>(from) * sizeof(float), DType::f32,
                       {1, 1, 1, to - from});
    };
    sgd_step(*stream, {0.9f, static_cast<float>(decay), true}, rate.at(0, DType::f32, {}),
             part(gradients), part(parameters), part(momentum));
  };
  for (std::size_t step = 0; step < training["steps"].get<std::size_t>(); ++step) {
    const json& batch = training["batches"][step];
    upload(*stream, program.input(), reference.read(batch["x"]));
    upload(*stream, program.labels(), reference.read(batch["y"]));
    program.forward(*stream);
    program.backward(*stream);
    const std::vector<double> losses = download(*stream, program.losses());
    double loss = 0;
    for (const double each : losses) loss += each / static_cast<double>(losses.size());
    EXPECT_NEAR(loss, reference.form["expected"]["losses"][step].get<double>(), 2e-5) << step;
    if (step == 0) {
      for (const json& parameter : reference.form["parameters"]) {
        if (!parameter["trainable"].get<bool>()) continue;
        const bool noise = parameter.value("gradient_is_zero", false);
        const View gradient = program.gradient(reference.tensors.at(parameter["name"]));
        test::expect_near(download(*stream, gradient), reference.read(parameter["grad_0"]),
                          noise ? 1e-5 : tolerance(parameter, "grad_0"), parameter["name"]);
      }
    }
    upload(*stream, rate.at(0, DType::f32, {}), {training["learning_rate"][step].get<double>()});
    update(0, reference.layout.weights_end(), weight_decay);
    update(reference.layout.weights_end(), end, other_decay);
  }
  for (const json& parameter : reference.form["parameters"]) {
    const ConstView value = program.parameter(reference.tensors.at(parameter["name"]));
    test::expect_near(download(*stream, value), reference.read(parameter["final"]),
                      tolerance(parameter, "final"),
                      parameter["name"].get<std::string>() + " final");
  }

  const std::vector<double> x = reference.read(reference.form["expected"]["inference"]["x"]);
  const auto rows = static_cast<std::int64_t>(x.size()) / reference.graph.node(0).output.elements();
  Program inference(reference.graph, reference.layout, {ProgramKind::inference, rows});
  inference.bind(*stream, static_cast<float*>(parameters.data()), nullptr);
  upload(*stream, inference.input(), x);
  upload(*stream, inference.labels(), std::vector<double>(static_cast<std::size_t>(rows)));
  inference.forward(*stream);
  const json& after = reference.form["float32"]["logits_eval_after"];
  test::expect_near(
      download(*stream, inference.logits()),
      reference.read(reference.form["expected"]["inference"]["logits_after"]),
      10 * after["max_abs_error"].get<double>() + 1e-6 * after["max_abs"].get<double>(),
      "logits after training");
}

INSTANTIATE_TEST_SUITE_P(Networks, ReferenceNetwork,
                         testing::Values("resnet8", "ds_cnn", "mobilenet_v3_1d"),
                         [](const auto& each) { return std::string(each.param); });

/// Few blocks, where that can be chosen.
std::map<std::string, double> options_of(const std::string& model) {
  if (model == "resnet8") return {};
  return {{"blocks", model == "mobilenet_v3" ? 4.0 : 1.0}};
}

/// A network with random parameters, a random batch, and its program.
struct Fixture {
  Fixture(const std::string& model, const Shape& input, ProgramKind kind, DType dtype,
          bool fused = false)
      : stream(test::test_stream()),
        graph(build_model({.name = model,
                           .input = input,
                           .classes = 5,
                           .width = 0.5,
                           .options = options_of(model)})),
        layout(graph),
        values(initial_parameters(graph, layout, 3)),
        program(graph, layout, {kind, 6, dtype, 0.1f, fused}) {
    // Zero gammas would hide the residual branches from the test.
    for (const ParameterTensor& tensor : layout.tensors()) {
      if (tensor.role != Role::gamma) continue;
      for (std::int64_t i = 0; i < tensor.shape.elements(); ++i) {
        values[static_cast<std::size_t>(tensor.offset + i)] = 1 + 0.1f * static_cast<float>(i % 5);
      }
    }
    parameters = Buffer(stream->device(), values.size() * sizeof(float));
    gradients = Buffer(stream->device(), parameters.bytes());
    stream->zero(gradients.data(), gradients.bytes());
    program.bind(*stream, static_cast<float*>(parameters.data()),
                 static_cast<float*>(gradients.data()));
  }

  /// Mean loss with the present `values`.
  double loss() {
    stream->upload(parameters.data(), values.data(), parameters.bytes());
    Random random(5, "input");
    std::vector<double> x(static_cast<std::size_t>(program.input().elements()));
    for (double& each : x) each = random.normal();
    const View input = program.input();
    if (input.dtype == DType::f32) {
      upload(*stream, input, x);
    } else {
      std::vector<bf16> narrow;
      for (const double each : x) narrow.push_back(to_bf16(static_cast<float>(each)));
      stream->upload(input.data, narrow.data(), input.bytes());
    }
    upload(*stream, program.labels(), {0, 1, 2, 3, 4, 0});
    program.forward(*stream);
    const std::vector<double> losses = download(*stream, program.losses());
    return std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(losses.size());
  }

  std::unique_ptr<Stream> stream;
  Graph graph;
  ParameterLayout layout;
  std::vector<float> values;
  Program program;
  Buffer parameters, gradients;
};

TEST(Program, GradientsOfWholeNetworksAreThoseOfTheLoss) {
  const std::pair<const char*, Shape> cases[] = {{"resnet18", {1, 9, 7, 3}},
                                                 {"mobilenet_v3", {1, 1, 50, 5}},
                                                 {"mobilenet_v3", {1, 30, 27, 2}},
                                                 {"ds_cnn", {1, 12, 9, 2}}};
  for (const auto& [model, input] : cases) {
    if (test::slow_device() && input.h > 1) continue;
    Fixture fixture(model, input, ProgramKind::training, DType::f32);
    fixture.loss();
    fixture.program.backward(*fixture.stream);
    const std::int64_t end = fixture.layout.trainable_end();
    const std::vector<double> gradient =
        download(*fixture.stream, fixture.gradients.at(0, DType::f32, {1, 1, 1, end}));
    // Along the gradient, every tensor's part scaled to length 1, so that each counts alike and
    // rounding is small beside the change. Scaled noise of a gradient that is zero stays out.
    const std::vector<float> start = fixture.values;
    std::vector<double> direction(gradient.size());
    for (const ParameterTensor& tensor : fixture.layout.tensors()) {
      if (tensor.offset >= end) continue;
      const auto from = gradient.begin() + tensor.offset;
      const std::vector<double> part(from, from + tensor.shape.elements());
      const double length = std::sqrt(test::dot(part, part));
      if (length < 1e-4) continue;
      std::transform(part.begin(), part.end(), direction.begin() + tensor.offset,
                     [&](double each) { return each / length; });
    }
    const auto at = [&](double step) {
      for (std::size_t i = 0; i < direction.size(); ++i) {
        fixture.values[i] = start[i] + static_cast<float>(step * direction[i]);
      }
      return fixture.loss();
    };
    constexpr double kStep = 3e-4;
    const double measured = (at(kStep) - at(-kStep)) / (2 * kStep);
    const double expected = test::dot(gradient, direction);
    EXPECT_NEAR(measured, expected, 0.01 * expected) << model;
  }
}

TEST(Program, BuffersOnlyShareMemoryWhenTheyMay) {
  // The same network with and without reuse of buffers (inspection keeps them all) must agree.
  for (const DType dtype : {DType::f32, DType::bf16}) {
    Fixture reused("mobilenet_v3", {1, 16, 16, 3}, ProgramKind::inference, dtype);
    Fixture kept("mobilenet_v3", {1, 16, 16, 3}, ProgramKind::inspection, dtype);
    EXPECT_LT(reused.program.arena_bytes(), kept.program.arena_bytes() / 2);
    EXPECT_NEAR(reused.loss(), kept.loss(), dtype == DType::f32 ? 1e-5 : 0.02);
  }
}

TEST(Program, Bf16StaysCloseToF32) {
  Fixture narrow("resnet18", {1, 16, 16, 3}, ProgramKind::training, DType::bf16);
  Fixture wide("resnet18", {1, 16, 16, 3}, ProgramKind::training, DType::f32);
  EXPECT_NEAR(narrow.loss(), wide.loss(), 0.03);
  narrow.program.backward(*narrow.stream);
  wide.program.backward(*wide.stream);
  const Shape all{1, 1, 1, wide.layout.trainable_end()};
  const std::vector<double> a = download(*narrow.stream, narrow.gradients.at(0, DType::f32, all));
  const std::vector<double> b = download(*wide.stream, wide.gradients.at(0, DType::f32, all));
  EXPECT_GT(test::dot(a, b) / std::sqrt(test::dot(a, a) * test::dot(b, b)), 0.97);
}

std::vector<double> all_gradients(const Fixture& fixture) {
  const std::int64_t end = fixture.layout.trainable_end();
  return download(*fixture.stream, fixture.gradients.at(0, DType::f32, {1, 1, 1, end}));
}

std::vector<double> running_statistics(const Fixture& fixture) {
  const std::int64_t begin = fixture.layout.trainable_end();
  const auto bytes = static_cast<std::size_t>(begin) * sizeof(float);
  return download(
      *fixture.stream,
      fixture.parameters.at(bytes, DType::f32, {1, 1, 1, fixture.layout.total() - begin}));
}

struct FusedCase {
  const char* model;
  Shape input;
  double memory;  ///< at most this share of the unfused program's, when training
};

class FusedProgram : public testing::TestWithParam<FusedCase> {};

TEST_P(FusedProgram, TrainsAsTheUnfusedOneInLessMemory) {
  const auto& [model, input, memory] = GetParam();
  Fixture plain(model, input, ProgramKind::training, DType::f32);
  Fixture fused(model, input, ProgramKind::training, DType::f32, true);
  EXPECT_NEAR(fused.loss(), plain.loss(), 1e-5);
  plain.program.backward(*plain.stream);
  fused.program.backward(*fused.stream);
  for (const ParameterTensor& tensor : plain.layout.tensors()) {
    if (tensor.offset >= plain.layout.trainable_end()) continue;
    const std::vector<double> expected = download(*plain.stream, plain.program.gradient(tensor));
    test::expect_near(download(*fused.stream, fused.program.gradient(tensor)), expected,
                      2e-4 * test::max_abs(expected) + 1e-5,
                      plain.graph.node(tensor.node).name + " " + name_of(tensor.role));
  }
  test::expect_near(running_statistics(fused), running_statistics(plain), 1e-5, "statistics");
  const auto share = static_cast<double>(fused.program.arena_bytes()) /
                     static_cast<double>(plain.program.arena_bytes());
  EXPECT_LE(share, memory);
}

TEST_P(FusedProgram, TrainsInBf16) {
  const auto& [model, input, memory] = GetParam();
  Fixture plain(model, input, ProgramKind::training, DType::bf16);
  Fixture fused(model, input, ProgramKind::training, DType::bf16, true);
  EXPECT_NEAR(fused.loss(), plain.loss(), 0.03);
  plain.program.backward(*plain.stream);
  fused.program.backward(*fused.stream);
  const std::vector<double> a = all_gradients(plain);
  const std::vector<double> b = all_gradients(fused);
  EXPECT_GT(test::dot(a, b) / std::sqrt(test::dot(a, a) * test::dot(b, b)), 0.95);
}

TEST_P(FusedProgram, AnswersAsTheUnfusedOneInNoMoreSteps) {
  const auto& [model, input, memory] = GetParam();
  Fixture plain(model, input, ProgramKind::inference, DType::f32);
  Fixture fused(model, input, ProgramKind::inference, DType::f32, true);
  EXPECT_NEAR(fused.loss(), plain.loss(), 1e-5);
  const std::vector<double> logits = download(*plain.stream, plain.program.logits());
  test::expect_near(download(*fused.stream, fused.program.logits()), logits,
                    1e-5 * test::max_abs(logits) + 1e-6, "logits");
  EXPECT_LE(fused.program.forward_steps().size(), plain.program.forward_steps().size());
}

INSTANTIATE_TEST_SUITE_P(Networks, FusedProgram,
                         testing::Values(FusedCase{"mobilenet_v3", {1, 32, 32, 3}, 0.75},
                                         FusedCase{"mobilenet_v3", {1, 1, 128, 6}, 0.73},
                                         FusedCase{"ds_cnn", {1, 25, 10, 1}, 0.87},
                                         FusedCase{"resnet8", {1, 16, 16, 3}, 1},
                                         FusedCase{"resnet18", {1, 16, 16, 3}, 1}),
                         [](const auto& each) {
                           return std::string(each.param.model) +
                                  (each.param.input.h == 1 ? "_1d" : "");
                         });

TEST(Program, RefusesANetworkWithoutLogits) {
  Graph graph;
  graph.conv("only", graph.input({1, 4, 4, 2}), 3, Window{});
  const ParameterLayout layout(graph);
  EXPECT_THROW(Program(graph, layout, ProgramOptions{}), UsageError);
}

}  // namespace
}  // namespace paretiny
