#include "kernels/nn/conv.h"

#include <array>
#include <utility>

#include "tests/support/convolution.h"
#include "tests/support/libraries.h"

namespace paretiny::test {

using nn::ConvShape;
using nn::Window;

namespace {

ConvolutionJudge judge(const ConvShape& shape) {
  return {shape.input, shape.out_channels, shape.window};
}

std::vector<ConvShape> shapes() {
  return {
      {{2, 8, 8, 16}, 32, Window::same(8, 8, 3, 3, 1, 1)},
      {{1, 9, 7, 3}, 16, Window::same(9, 7, 3, 3, 1, 1)},       // a picture's stem
      {{3, 11, 10, 1}, 8, Window::same(11, 10, 10, 4, 2, 2)},   // DS-CNN's stem
      {{2, 1, 37, 6}, 13, Window::same(1, 37, 1, 5, 1, 2)},     // a time series
      {{3, 1, 20, 27}, 43, Window::same(1, 20, 1, 3, 1, 1)},    // pruned channels
      {{2, 7, 6, 13}, 27, Window::same(7, 6, 3, 3, 2, 2)},      // strides, odd sizes
      {{2, 6, 7, 5}, 9, {3, 3, 1, 1, 0, 2, 1, 0}},              // uneven padding
      {{1, 10, 9, 4}, 6, {3, 2, 3, 2, 0, 0, 0, 0}},             // rows that fill no window
      {{2, 8, 8, 24}, 40, Window::same(8, 8, 1, 1, 2, 2)},      // a shortcut
      {{1, 1, 1, 5}, 3, {1, 1, 1, 1, 0, 0, 0, 0}},              // one pixel
      {{2, 5, 5, 7}, 1, Window::same(5, 5, 5, 5, 1, 1)},        // one channel out
      {{1, 8, 10, 16}, 24, Window::same(8, 10, 3, 3, 2, 2)},    // a stage's first layer
      {{1, 1, 150, 24}, 72, Window::same(1, 150, 1, 3, 1, 1)},  // several tiles of a GPU's kernels
      {{5, 17, 16, 8}, 8, Window::same(17, 16, 5, 3, 2, 2)},    // and several strips of pixels
      {{1, 9, 8, 8}, 8, {2, 4, 3, 3, 1, 2, 1, 0}},              // strides beyond the kernel
  };
}

TEST(Conv, AgreesWithDirectLoops) {
  std::uint64_t seed = 0;
  for (const bool libraries : library_choices()) {
    const LibraryChoice choice(libraries);
    for (const ConvShape& shape : shapes()) {
      for (const DType dtype : {DType::f32, DType::bf16}) {
        const auto stream = test_stream();
        ConvolutionOps under_test = conv_ops(*stream, shape);
        // cuDNN may round the gradient of weights to the type of activations.
        if (test_device().kind == DeviceKind::cuda && libraries && dtype == DType::bf16) {
          under_test.weights_tolerance = 0x1p-8;
        }
        expect_convolution(*stream, under_test, judge(shape), dtype, seed += 10);
      }
    }
  }
}

TEST(Conv, TakesUnalignedTensors) {
  const ConvShape shape{{2, 5, 6, 8}, 16, Window::same(5, 6, 3, 3, 2, 2)};
  const LibraryChoice without(false);  // they would leave these to us, and round otherwise
  const auto stream = test_stream();
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const auto results = [&](bool aligned) {
      const auto place = [&](Tensor tensor) {
        return aligned ? std::move(tensor) : tensor.unaligned();
      };
      const Tensor x = place(Tensor::random(*stream, dtype, shape.input, 1));
      const Tensor w = place(Tensor::random(*stream, DType::f32, shape.weights(), 2));
      const Tensor dy = place(Tensor::random(*stream, dtype, shape.output(), 3));
      const Tensor y = place(Tensor(*stream, dtype, shape.output()));
      const Tensor dx = place(Tensor(*stream, dtype, shape.input));
      const Tensor dw = place(Tensor(*stream, DType::f32, shape.weights()));
      nn::conv_forward(*stream, shape, x, w, ConstView{}, y);
      nn::conv_backward_data(*stream, shape, dy, w, dx);
      nn::conv_backward_weights(*stream, shape, x, dy, dw, View{});
      return std::array{y.values(), dx.values(), dw.values()};
    };
    EXPECT_EQ(results(false), results(true)) << name_of(dtype);
  }
}

TEST(Conv, GradientsAreThoseOfTheForwardPass) {
  const auto stream = test_stream();
  expect_convolution_gradients(*stream,
                               conv_ops(*stream, {{2, 6, 7, 5}, 9, {3, 3, 2, 1, 0, 2, 1, 0}}));
}

TEST(Conv, ReproducesReferenceVectors) {
  const auto cases = reference_cases("conv2d");
  if (cases.empty()) GTEST_SKIP() << no_reference_cases();
  const auto stream = test_stream();
  for (const ReferenceCase& reference : cases) {
    const ConvShape shape{reference.input_shape("x"), reference.output_shape("y").c,
                          window_of(reference)};
    expect_reference(*stream, conv_ops(*stream, shape), reference);
  }
}

TEST(Conv, RejectsWhatDoesNotFit) {
  const auto stream = test_stream();
  const ConvShape shape{{1, 5, 5, 2}, 3, {3, 3, 1, 1, 0, 0, 0, 0}};
  const Tensor x(*stream, DType::f32, shape.input);
  const Tensor w(*stream, DType::f32, shape.weights());
  const Tensor b(*stream, DType::f32, {1, 1, 1, 3});
  const Tensor y(*stream, DType::f32, shape.output());
  const Tensor y_bf16(*stream, DType::bf16, shape.output());
  const ConstView no_bias;
  EXPECT_NO_THROW(nn::conv_forward(*stream, shape, x, w, b, y));
  EXPECT_THROW(nn::conv_forward(*stream, shape, y, w, b, y), UsageError);
  EXPECT_THROW(nn::conv_forward(*stream, shape, x, x, b, y), UsageError);
  EXPECT_THROW(nn::conv_forward(*stream, shape, x, w, w, y), UsageError);
  EXPECT_THROW(nn::conv_forward(*stream, shape, x, w, b, y_bf16), UsageError);
  EXPECT_THROW(nn::conv_forward(*stream, shape, x, ConstView{}, b, y), UsageError);
  EXPECT_THROW(nn::conv_backward_data(*stream, shape, y_bf16, w, x), UsageError);
  EXPECT_THROW(nn::conv_backward_weights(*stream, shape, x, y, b, View{}), UsageError);
  EXPECT_THROW(nn::conv_scratch_bytes(*stream, shape, DType::i8), UsageError);
  for (const ConvShape& bad :
       {ConvShape{{1, 2, 5, 2}, 3, shape.window}, ConvShape{{0, 5, 5, 2}, 3, shape.window},
        ConvShape{{1, 5, 5, 2}, 0, shape.window},
        ConvShape{{1, 5, 5, 2}, 3, {3, 3, 0, 1, 0, 0, 0, 0}}}) {
    EXPECT_THROW(nn::conv_forward(*stream, bad, x, w, no_bias, y), UsageError);
    EXPECT_THROW(nn::conv_scratch_bytes(*stream, bad, DType::f32), UsageError);
  }
}

}  // namespace
}  // namespace paretiny::test
