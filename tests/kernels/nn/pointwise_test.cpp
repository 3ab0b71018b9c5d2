#include "kernels/nn/pointwise.h"

#include "tests/support/fusion.h"

namespace paretiny::test {

using nn::PointwiseShape;

namespace {

ConvolutionOps ops(Stream& stream, const PointwiseShape& shape) {
  return {
      [&stream, shape](ConstView x, ConstView w, ConstView b, View y) {
        nn::pointwise_forward(stream, shape, {.x = x, .w = w, .b = b, .y = y});
      },
      [&stream, shape](ConstView dy, ConstView w, View dx) {
        nn::pointwise_backward_data(stream, shape, dy, w, dx);
      },
      [&stream, shape](ConstView x, ConstView dy, View dw, View db) {
        nn::pointwise_backward_weights(stream, shape, {.x = x, .dy = dy, .dw = dw, .db = db});
      },
      [&stream, shape](DType dtype) { return nn::pointwise_scratch_bytes(stream, shape, dtype); },
      shape.input,
      shape.weights(),
      shape.output()};
}

FusedConvolutionOps fused_ops(Stream& stream, const PointwiseShape& shape) {
  return {
      [&stream, shape](ConstView x, ConstView w, ConstView b, View y, const nn::Prologue& prologue,
                       const nn::Epilogue& epilogue) {
        nn::pointwise_forward(
            stream, shape,
            {.x = x, .w = w, .b = b, .y = y, .prologue = prologue, .epilogue = epilogue});
      },
      [&stream, shape](ConstView x, ConstView dy, View dw, View db, const nn::Prologue& prologue) {
        nn::pointwise_backward_weights(
            stream, shape, {.x = x, .dy = dy, .dw = dw, .db = db, .prologue = prologue});
      },
      [&stream, shape](DType dtype) { return nn::pointwise_scratch_bytes(stream, shape, dtype); },
      shape.input,
      shape.weights(),
      shape.output()};
}

ConvolutionJudge judge(const PointwiseShape& shape) {
  return {shape.input, shape.out_channels, nn::Window{}};
}

std::vector<PointwiseShape> shapes() {
  return {
      {{2, 8, 8, 16}, 32},   {{2, 4, 4, 72}, 24},  {{3, 1, 1, 64}, 16},   {{2, 9, 9, 24}, 72},
      {{1, 7, 11, 40}, 88},  {{1, 1, 70, 96}, 96}, {{3, 5, 7, 13}, 43},   {{1, 1, 37, 27}, 6},
      {{1, 1, 1, 5}, 9},  // pruned channels
      {{2, 3, 3, 1}, 7},     {{2, 3, 3, 19}, 1},   {{5, 3, 7, 8}, 3},     {{1, 5, 9, 17}, 17},
      {{2, 5, 5, 100}, 100}, {{1, 3, 5, 88}, 136}, {{1, 3, 5, 130}, 264}, {{1, 2, 5, 520}, 65},
      {{1, 40, 50, 8}, 8},   {{1, 50, 71, 9}, 6},  // several tiles a warp, channel by channel
      {{1, 1, 3, 4100}, 2},                        // weights larger than shared memory
  };
}

TEST(Pointwise, AgreesWithDirectLoops) {
  std::uint64_t seed = 0;
  for (const PointwiseShape& shape : shapes()) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const auto stream = test_stream();
      expect_convolution(*stream, ops(*stream, shape), judge(shape), dtype, seed += 10);
    }
  }
}

TEST(Pointwise, FusesEveryPart) {
  std::uint64_t seed = 1000;
  const PointwiseShape shape{{3, 5, 7, 24}, 72};
  for (const Fusion& fusion : fusions()) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const auto stream = test_stream();
      expect_fused_convolution(*stream, fused_ops(*stream, shape), judge(shape), fusion, dtype,
                               seed += 10);
    }
  }
}

TEST(Pointwise, FusesInEveryShape) {
  std::uint64_t seed = 2000;
  for (const PointwiseShape& shape : shapes()) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const auto stream = test_stream();
      expect_fused_convolution(*stream, fused_ops(*stream, shape), judge(shape), fusions().back(),
                               dtype, seed += 10);
    }
  }
}

TEST(Pointwise, TakesWeightsInBf16) {
  std::uint64_t seed = 4000;
  std::vector<PointwiseShape> rounded = shapes();
  rounded.pop_back();  // its f32 weights are read as they are
  for (const PointwiseShape& shape : rounded) {
    const auto stream = test_stream();
    expect_bf16_weights(*stream, ops(*stream, shape), seed += 10);
  }
}

TEST(Pointwise, StatisticsOfSteadyChannels) {
  for (const PointwiseShape& shape :
       {PointwiseShape{{3, 9, 8, 16}, 24}, PointwiseShape{{1, 33, 31, 9}, 5}}) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const auto stream = test_stream();
      expect_steady_statistics(*stream, fused_ops(*stream, shape), dtype, 3000);
    }
  }
}

TEST(Pointwise, GradientsAreThoseOfTheForwardPass) {
  const auto stream = test_stream();
  expect_convolution_gradients(*stream, ops(*stream, {{2, 6, 7, 5}, 9}));
}

TEST(Pointwise, ReproducesReferenceVectors) {
  const auto cases = reference_cases("pointwise_conv2d");
  if (cases.empty()) GTEST_SKIP() << no_reference_cases();
  const auto stream = test_stream();
  for (const ReferenceCase& reference : cases) {
    if (window_of(reference) != nn::Window{}) continue;  // strides belong to conv
    const PointwiseShape shape{reference.input_shape("x"), reference.output_shape("y").c};
    expect_reference(*stream, ops(*stream, shape), reference);
  }
}

TEST(Pointwise, RejectsWhatDoesNotFit) {
  const auto stream = test_stream();
  const PointwiseShape shape{{1, 5, 5, 2}, 3};
  const Tensor x(*stream, DType::f32, shape.input);
  const Tensor w(*stream, DType::f32, shape.weights());
  const Tensor y(*stream, DType::f32, shape.output());
  const Tensor y_bf16(*stream, DType::bf16, shape.output());
  EXPECT_NO_THROW(nn::pointwise_forward(*stream, shape, {.x = x, .w = w, .y = y}));
  EXPECT_THROW(nn::pointwise_forward(*stream, shape, {.x = y, .w = w, .y = y}), UsageError);
  EXPECT_THROW(nn::pointwise_forward(*stream, shape, {.x = x, .w = x, .y = y}), UsageError);
  EXPECT_THROW(nn::pointwise_forward(*stream, shape, {.x = x, .w = w, .b = w, .y = y}), UsageError);
  EXPECT_THROW(nn::pointwise_forward(*stream, shape, {.x = x, .w = w, .y = y_bf16}), UsageError);
  EXPECT_THROW(nn::pointwise_backward_data(*stream, shape, y_bf16, w, x), UsageError);
  EXPECT_THROW(nn::pointwise_backward_weights(*stream, shape, {.x = x, .dy = y, .dw = x}),
               UsageError);
  EXPECT_THROW(nn::pointwise_scratch_bytes(*stream, shape, DType::i32), UsageError);
  EXPECT_THROW(nn::pointwise_forward(*stream, {{1, 5, 5, 2}, 0}, {.x = x, .w = w, .y = y}),
               UsageError);
}

}  // namespace
}  // namespace paretiny::test
