// Programs of whole networks: gradients by finite differences, memory, and fused against unfused.
#include "engine/program/program.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "engine/models/model.h"
#include "tests/engine/program/values.h"
#include "tests/support/kernels.h"

namespace paretiny::program {
namespace {

using test::download;
using test::upload;

/// Few blocks, where that can be chosen.
std::map<std::string, double> options_of(const std::string& model) {
  if (model == "resnet8") return {};
  return {{"blocks", model == "mobilenet_v3" ? 4.0 : 1.0}};
}

/// A network with random parameters, a random batch, and its program.
struct Fixture {
  Fixture(const std::string& model, const Shape& input, ProgramKind kind, DType dtype,
          bool fused = false, bool dense_reads_through = false)
      : stream(test::test_stream()),
        graph(models::build_model({.name = model,
                                   .input = input,
                                   .classes = 5,
                                   .width = 0.5,
                                   .options = options_of(model)})),
        layout(graph),
        values(graph::initial_parameters(graph, layout, 3)),
        program(graph, layout,
                {.kind = kind,
                 .batch = 6,
                 .dtype = dtype,
                 .label_smoothing = 0.1f,
                 .fused = fused,
                 .reads_through = [=](const nn::ConvShape&) { return dense_reads_through; }}) {
    // Zero gammas would hide the residual branches from the test.
    for (const graph::ParameterTensor& tensor : layout.tensors()) {
      if (tensor.role != graph::Role::gamma) continue;
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
  graph::Graph graph;
  graph::ParameterLayout layout;
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
    for (const graph::ParameterTensor& tensor : fixture.layout.tensors()) {
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
  for (const graph::ParameterTensor& tensor : plain.layout.tensors()) {
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
                         testing::Values(FusedCase{"mobilenet_v3", {1, 32, 32, 3}, 0.67},
                                         FusedCase{"mobilenet_v3", {1, 1, 128, 6}, 0.69},
                                         FusedCase{"ds_cnn", {1, 25, 10, 1}, 0.73},
                                         FusedCase{"resnet8", {1, 16, 16, 3}, 1},
                                         FusedCase{"resnet18", {1, 16, 16, 3}, 1}),
                         [](const auto& each) {
                           return std::string(each.param.model) +
                                  (each.param.input.h == 1 ? "_1d" : "");
                         });

TEST(Program, AResidualAdditionIsPartOfTheBatchNormBeforeIt) {
  for (const bool fused : {false, true}) {
    const Fixture fixture("resnet18", {1, 16, 16, 3}, ProgramKind::training, DType::f32, fused);
    const auto additions = [&](const auto& steps) {
      return std::count_if(steps.begin(), steps.end(), [&](const auto& step) {
        return fixture.graph.node(step.node).op == graph::OpKind::add;
      });
    };
    EXPECT_EQ(additions(fixture.program.forward_steps()) == 0, fused);
    EXPECT_EQ(additions(fixture.program.backward_steps()) == 0, fused);
  }
}

/// Batch norms that only dense convolutions read are not stored where those read through them.
TEST(Program, DenseConvolutionsReadThroughBatchNorm) {
  const auto norms = [](const Fixture& fixture) {
    const auto& steps = fixture.program.forward_steps();
    return std::count_if(steps.begin(), steps.end(), [&](const auto& step) {
      return fixture.graph.node(step.node).op == graph::OpKind::batch_norm &&
             step.name.ends_with(" forward");
    });
  };
  for (const ProgramKind kind : {ProgramKind::training, ProgramKind::inference}) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      Fixture stored("resnet18", {1, 16, 16, 3}, kind, dtype, true);
      Fixture read("resnet18", {1, 16, 16, 3}, kind, dtype, true, true);
      EXPECT_EQ(norms(stored) - norms(read), 3) << "one a block";
      EXPECT_NEAR(read.loss(), stored.loss(), dtype == DType::f32 ? 1e-5 : 0.03);
      if (kind != ProgramKind::training) continue;
      const auto share = static_cast<double>(read.program.arena_bytes()) /
                         static_cast<double>(stored.program.arena_bytes());
      EXPECT_LT(share, 0.9) << "of the memory";
      stored.program.backward(*stored.stream);
      read.program.backward(*read.stream);
      const std::vector<double> a = all_gradients(stored), b = all_gradients(read);
      const double alike = test::dot(a, b) / std::sqrt(test::dot(a, a) * test::dot(b, b));
      EXPECT_GT(alike, dtype == DType::f32 ? 1 - 1e-6 : 0.97);
    }
  }
}

TEST(Program, RefusesANetworkWithoutLogits) {
  graph::Graph graph;
  graph.conv("only", graph.input({1, 4, 4, 2}), 3, nn::Window{});
  const graph::ParameterLayout layout(graph);
  EXPECT_THROW(Program(graph, layout, ProgramOptions{}), UsageError);
}

}  // namespace
}  // namespace paretiny::program
