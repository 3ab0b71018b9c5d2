#include "kernels/nn/fully_connected.h"

#include "tests/support/convolution.h"
#include "tests/support/libraries.h"

namespace paretiny::test {

using nn::fully_connected_forward;
using nn::FullyConnectedShape;

namespace {

/// A fully connected layer is a convolution whose window is one pixel of all features.
ConvolutionJudge judge(const FullyConnectedShape& shape) {
  return {{shape.input.n, 1, 1, shape.in_features()}, shape.out_features, nn::Window{}};
}

ConvolutionOps ops(Stream& stream, const FullyConnectedShape& shape) {
  return {[&stream, shape](ConstView x, ConstView w, ConstView b, View y) {
            fully_connected_forward(stream, shape, x, w, b, y);
          },
          nullptr,
          nullptr,
          [&stream, shape](DType dtype) {
            return nn::fully_connected_scratch_bytes(stream, shape, dtype);
          },
          shape.input,
          shape.weights(),
          shape.output()};
}

void expect_agreement(const FullyConnectedShape& shape, DType dtype, std::uint64_t seed) {
  SCOPED_TRACE("input " + to_string(shape.input) + ", " + name_of(dtype));
  const auto stream = test_stream();
  const std::size_t announced = nn::fully_connected_scratch_bytes(*stream, shape, dtype);
  const Shape bias{1, 1, 1, shape.out_features};
  const Tensor x = Tensor::random(*stream, dtype, shape.input, ++seed);
  const Tensor w = Tensor::random(*stream, DType::f32, shape.weights(), ++seed);
  const Tensor b = Tensor::random(*stream, DType::f32, bias, ++seed);
  const Tensor dy = Tensor::random(*stream, DType::f32, shape.output(), ++seed);
  const Tensor y(*stream, DType::f32, shape.output());
  const Tensor dx(*stream, dtype, shape.input);
  const Tensor dw(*stream, DType::f32, shape.weights());
  const Tensor db(*stream, DType::f32, bias);
  const auto expect = [&](const Tensor& actual, const std::vector<double>& expected,
                          const char* name) {
    // Everything is summed in f32; only dx may be rounded to bf16.
    const double relative = actual.dtype() == DType::bf16 ? 0x1p-8 : 1e-5;
    expect_near(actual, expected, relative * max_abs(expected), name);
  };
  const ConvolutionJudge exact = judge(shape);
  fully_connected_forward(*stream, shape, x, w, ConstView{}, y);
  expect(y, exact.forward(x.values(), w.values(), {}), "y without bias");
  fully_connected_forward(*stream, shape, x, w, b, y);
  expect(y, exact.forward(x.values(), w.values(), b.values()), "y");
  nn::fully_connected_backward(*stream, shape,
                               {.x = x, .w = w, .dy = dy, .dx = dx, .dw = dw, .db = db});
  expect(dx, exact.backward_data(dy.values(), w.values()), "dx");
  expect(dw, exact.backward_weights(x.values(), dy.values()), "dw");
  expect(db, exact.backward_bias(dy.values()), "db");

  const Tensor dw_alone(*stream, DType::f32, shape.weights());
  nn::fully_connected_backward(*stream, shape, {.x = x, .w = w, .dy = dy, .dw = dw_alone});
  EXPECT_EQ(dw_alone.bytes(), dw.bytes());
  EXPECT_LE(stream->scratch().peak(), announced);
}

TEST(FullyConnected, AgreesWithDirectLoops) {
  std::uint64_t seed = 0;
  for (const bool libraries : library_choices()) {
    const LibraryChoice choice(libraries);
    for (const FullyConnectedShape& shape :
         {FullyConnectedShape{{3, 1, 1, 64}, 10}, FullyConnectedShape{{1, 1, 1, 1}, 1},
          FullyConnectedShape{{2, 3, 5, 7}, 13}, FullyConnectedShape{{130, 1, 1, 301}, 19}}) {
      for (const DType dtype : {DType::f32, DType::bf16}) {
        expect_agreement(shape, dtype, seed += 10);
      }
    }
  }
}

TEST(FullyConnected, GradientsAreThoseOfTheForwardPass) {
  const auto stream = test_stream();
  const FullyConnectedShape shape{{4, 2, 3, 5}, 7};
  ConvolutionOps under_test = ops(*stream, shape);
  const Tensor x = Tensor::random(*stream, DType::f32, shape.input, 1);
  const Tensor w = Tensor::random(*stream, DType::f32, shape.weights(), 2);
  const Tensor unused_dw(*stream, DType::f32, shape.weights());
  under_test.backward_data = [&](ConstView dy, ConstView weights, View dx) {
    nn::fully_connected_backward(*stream, shape,
                                 {.x = x, .w = weights, .dy = dy, .dx = dx, .dw = unused_dw});
  };
  under_test.backward_weights = [&](ConstView input, ConstView dy, View dw, View db) {
    nn::fully_connected_backward(*stream, shape,
                                 {.x = input, .w = w, .dy = dy, .dw = dw, .db = db});
  };
  expect_convolution_gradients(*stream, under_test);
}

TEST(FullyConnected, ReproducesReferenceVectors) {
  const auto cases = reference_cases("linear");
  if (cases.empty()) GTEST_SKIP() << no_reference_cases();
  const auto stream = test_stream();
  for (const ReferenceCase& reference : cases) {
    const FullyConnectedShape shape{reference.input_shape("x"), reference.output_shape("y").c};
    const Tensor x = reference.input(*stream, "x");
    const Tensor w = reference.input(*stream, "w");
    const Tensor dy = reference.input(*stream, "dy");
    const Tensor y(*stream, DType::f32, shape.output());
    const Tensor dx(*stream, DType::f32, shape.input);
    const Tensor dw(*stream, DType::f32, shape.weights());
    const Tensor db(*stream, DType::f32, {1, 1, 1, shape.out_features});
    if (reference.has_input("b")) {
      const Tensor b = reference.input(*stream, "b");
      fully_connected_forward(*stream, shape, x, w, b, y);
    } else {
      fully_connected_forward(*stream, shape, x, w, ConstView{}, y);
    }
    nn::fully_connected_backward(*stream, shape,
                                 {.x = x, .w = w, .dy = dy, .dx = dx, .dw = dw, .db = db});
    reference.expect(y, "y");
    reference.expect(dx, "dx");
    reference.expect(dw, "dw");
    reference.expect(db, "db");
  }
}

TEST(FullyConnected, RejectsWhatDoesNotFit) {
  const auto stream = test_stream();
  const FullyConnectedShape shape{{2, 1, 2, 3}, 4};
  const Tensor x(*stream, DType::f32, shape.input);
  const Tensor w(*stream, DType::f32, shape.weights());
  const Tensor y(*stream, DType::f32, shape.output());
  const Tensor y_bf16(*stream, DType::bf16, shape.output());
  const ConstView no_bias;
  EXPECT_NO_THROW(fully_connected_forward(*stream, shape, x, w, no_bias, y));
  EXPECT_THROW(fully_connected_forward(*stream, shape, y, w, no_bias, y), UsageError);
  EXPECT_THROW(fully_connected_forward(*stream, shape, x, x, no_bias, y), UsageError);
  EXPECT_THROW(fully_connected_forward(*stream, shape, x, w, w, y), UsageError);
  EXPECT_THROW(fully_connected_forward(*stream, shape, x, w, no_bias, y_bf16), UsageError);
  EXPECT_THROW(
      nn::fully_connected_backward(*stream, shape, {.x = x, .w = w, .dy = y, .dx = w, .dw = w}),
      UsageError);
  EXPECT_THROW(nn::fully_connected_scratch_bytes(*stream, shape, DType::i8), UsageError);
  EXPECT_THROW(fully_connected_forward(*stream, {{2, 1, 2, 3}, 0}, x, w, no_bias, y), UsageError);
}

}  // namespace
}  // namespace paretiny::test
