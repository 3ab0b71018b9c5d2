// Ten training steps of three networks against PyTorch's in double precision
// (shared/vectors/train/networks).
#include <map>

#include "engine/program/program.h"
#include "kernels/nn/training/optimizer.h"
#include "tests/engine/program/values.h"
#include "tests/support/kernels.h"
#include "tests/support/shared.h"

namespace paretiny::program {

using graph::OpKind;
using graph::Role;

namespace {

using nlohmann::json;
using test::download;
using test::read_npy;
using test::upload;

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

nn::Activation activation_of(const std::string& name) {
  for (const nn::Activation a : {nn::Activation::relu, nn::Activation::relu6,
                                 nn::Activation::hard_swish, nn::Activation::hard_sigmoid}) {
    if (name == name_of(a)) return a;
  }
  ADD_FAILURE() << "unknown op " << name;
  return nn::Activation::none;
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
      : folder(test::shared("vectors/train/networks") / name) {
    std::ifstream file(folder / "network.json");
    form = json::parse(file);
    const auto shape = form["input"]["shape"].get<std::vector<std::int64_t>>();
    batch = shape[0];
    ids["input"] = graph.input({1, shape[1], shape[2], shape[3]});
    for (const json& node : form["nodes"]) add(node);
    layout = graph::ParameterLayout(graph);
    for (const json& node : form["nodes"]) {
      if (!node.contains("weights")) continue;
      for (const auto& [role, parameter] : node["weights"].items()) {
        tensors[parameter] = *layout.find(ids[node["name"]], role_of(role));
      }
    }
  }

  void add(const json& node) {
    const std::string name = node["name"];
    const graph::NodeId from = ids.at(node["inputs"][0]);
    const graph::NodeId other = ids.at(node["inputs"].back());
    const std::int64_t channels = node["output_shape"].back();
    const bool bias = node.contains("attributes") && node["attributes"].value("bias", false);
    const auto window = [&] {
      const json& a = node["attributes"];
      const json& pad = a["padding"];
      return nn::Window{a["kernel"][0], a["kernel"][1], a["stride"][0], a["stride"][1],
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
  graph::Graph graph;
  graph::ParameterLayout layout;
  std::map<std::string, graph::NodeId> ids;
  std::map<std::string, graph::ParameterTensor> tensors;  // by the vectors' parameter names
};

double tolerance(const json& entry, const std::string& of) {
  return 10 * entry[of + "_float32_max_abs_error"].get<double>() +
         1e-6 * entry[of + "_max_abs"].get<double>();
}

class ReferenceNetwork : public testing::TestWithParam<const char*> {};

TEST_P(ReferenceNetwork, TrainsAsPyTorchDoes) {
  const auto folder = test::shared("vectors/train");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is absent";
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
    const graph::ParameterTensor& tensor = reference.tensors.at(parameter["name"]);
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
    nn::sgd_step(*stream, {0.9f, static_cast<float>(decay), true}, rate.at(0, DType::f32, {}),
                 {.g = part(gradients), .w = part(parameters), .m = part(momentum)});
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

}  // namespace
}  // namespace paretiny::program
