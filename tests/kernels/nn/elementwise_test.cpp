#include "kernels/nn/elementwise.h"

#include "tests/support/activation.h"
#include "tests/support/threads.h"

namespace paretiny::test {

using nn::Activation;
using nn::add_forward;

namespace {

/// Results that are rounded once: 2^-8 of the largest value in bf16.
void expect_rounded(const Tensor& actual, const std::vector<double>& expected, const char* name) {
  const double relative = actual.dtype() == DType::bf16 ? 0x1p-8 : 1e-6;
  expect_near(actual, expected, relative * std::max(max_abs(expected), 1.0), name);
}

TEST(Add, AgreesWithItsDefinition) {
  const auto stream = test_stream();
  std::uint64_t seed = 0;
  for (const Shape& shape : {Shape{2, 5, 7, 3}, Shape{1, 1, 1, 1}, Shape{3, 41, 37, 9}}) {
    for (const Activation activation : {Activation::none, Activation::relu, Activation::relu6}) {
      for (const DType dtype : {DType::f32, DType::bf16}) {
        SCOPED_TRACE(to_string(shape) + " " + name_of(activation) + " " + name_of(dtype));
        const Tensor a = Tensor::random(*stream, dtype, shape, ++seed);
        const Tensor b = Tensor::random(*stream, dtype, shape, ++seed);
        const Tensor dy = Tensor::random(*stream, dtype, shape, ++seed);
        const Tensor y(*stream, dtype, shape);
        const Tensor d(*stream, dtype, shape);
        add_forward(*stream, activation, a, b, y);
        nn::add_backward(*stream, activation, y, dy, d);
        const auto left = a.values(), right = b.values(), gradient = dy.values();
        std::vector<double> expected_y, expected_d;
        for (std::size_t i = 0; i < left.size(); ++i) {
          const double sum = rounded(dtype, left[i] + right[i]);
          expected_y.push_back(activate_judge(activation, sum));
          const bool flat = (activation != Activation::none && sum <= 0) ||
                            (activation == Activation::relu6 && sum >= 6);
          expected_d.push_back(flat ? 0 : gradient[i]);
        }
        expect_rounded(y, expected_y, "y");
        expect_rounded(d, expected_d, "d");
      }
    }
  }
}

TEST(Add, MayWriteWhereItReads) {
  const auto stream = test_stream();
  const Shape shape{2, 3, 5, 7};
  for (const Activation activation : {Activation::none, Activation::relu6}) {
    for (const int which : {0, 1}) {
      const Tensor a = Tensor::random(*stream, DType::bf16, shape, 1);
      const Tensor b = Tensor::random(*stream, DType::bf16, shape, 2);
      const Tensor dy = Tensor::random(*stream, DType::bf16, shape, 3);
      const Tensor y(*stream, DType::bf16, shape);
      const Tensor d(*stream, DType::bf16, shape);
      add_forward(*stream, activation, a, b, y);
      nn::add_backward(*stream, activation, y, dy, d);
      nn::add_backward(*stream, activation, y, dy, dy);
      EXPECT_EQ(dy.bytes(), d.bytes());
      const Tensor& target = which == 0 ? a : b;
      add_forward(*stream, activation, a, b, target);
      EXPECT_EQ(target.bytes(), y.bytes());
    }
  }
}

TEST(Add, TakesUnalignedTensors) {
  const auto stream = test_stream();
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const Tensor a = Tensor::random(*stream, dtype, {2, 3, 5, 7}, 1);
    const Tensor b = Tensor::random(*stream, dtype, a.shape(), 2);
    const Tensor y(*stream, dtype, a.shape());
    add_forward(*stream, Activation::relu, a, b, y);
    const auto expected = y.values();
    add_forward(*stream, Activation::relu, a.unaligned(), b, y);
    EXPECT_EQ(y.values(), expected);
    add_forward(*stream, Activation::relu, a, b.unaligned(), y);
    EXPECT_EQ(y.values(), expected);
    const Tensor unaligned = Tensor(*stream, dtype, a.shape()).unaligned();
    add_forward(*stream, Activation::relu, a, b, unaligned);
    EXPECT_EQ(unaligned.values(), expected);
  }
}

TEST(Add, WithoutActivationDoesNotReadY) {
  const auto stream = test_stream();
  const Tensor dy = Tensor::random(*stream, DType::f32, {1, 2, 3, 5}, 1);
  const Tensor d(*stream, DType::f32, dy.shape());
  nn::add_backward(*stream, Activation::none, ConstView{}, dy, d);
  EXPECT_EQ(d.bytes(), dy.bytes());
}

TEST(Add, RejectsWhatDoesNotFit) {
  const auto stream = test_stream();
  const Tensor a(*stream, DType::f32, {1, 2, 3, 4});
  const Tensor other(*stream, DType::f32, {1, 2, 1, 4});
  const Tensor bf16(*stream, DType::bf16, a.shape());
  const auto none = Activation::none;
  EXPECT_THROW(add_forward(*stream, none, a, other, a), UsageError);
  EXPECT_THROW(add_forward(*stream, none, a, bf16, a), UsageError);
  EXPECT_THROW(add_forward(*stream, none, a, a, View{}), UsageError);
  EXPECT_THROW(add_forward(*stream, Activation::hard_swish, a, a, a), UsageError);
  EXPECT_THROW(nn::add_backward(*stream, Activation::hard_sigmoid, a, a, a), UsageError);
  EXPECT_THROW(nn::add_backward(*stream, Activation::relu, ConstView{}, a, a), UsageError);
  EXPECT_THROW(nn::add_backward(*stream, none, a, a, other), UsageError);
}

/// x, s, dy and the three results of one shape.
struct Scale {
  Scale(Stream& the_stream, const Shape& shape, DType dtype, std::uint64_t seed)
      : stream(the_stream),
        x(Tensor::random(stream, dtype, shape, seed)),
        s(Tensor::random(stream, dtype, {shape.n, 1, 1, shape.c}, seed + 1)),
        dy(Tensor::random(stream, dtype, shape, seed + 2)),
        y(stream, dtype, shape),
        dx(stream, dtype, shape),
        ds(stream, dtype, s.shape()) {}

  void forward() { nn::channel_scale_forward(stream, x, s, y); }
  void backward() {
    nn::channel_scale_backward(stream, {.x = x, .s = s, .dy = dy, .dx = dx, .ds = ds});
  }

  Stream& stream;
  Tensor x, s, dy, y, dx, ds;
};

TEST(ChannelScale, AgreesWithItsDefinition) {
  const auto stream = test_stream();
  std::uint64_t seed = 100;
  for (const Shape& shape :
       {Shape{2, 5, 7, 3}, Shape{1, 1, 1, 1}, Shape{3, 1, 41, 37}, Shape{5, 16, 16, 48},
        Shape{2, 3, 3, 257}, Shape{4, 2, 2, 2049}, Shape{3, 4, 2, 21}, Shape{2, 3, 1, 2056}}) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      SCOPED_TRACE(to_string(shape) + " " + name_of(dtype));
      Scale scale(*stream, shape, dtype, seed += 10);
      scale.forward();
      scale.backward();
      const auto x = scale.x.values(), s = scale.s.values(), dy = scale.dy.values();
      std::vector<double> y, dx, ds(s.size());
      for (std::size_t i = 0; i < x.size(); ++i) {
        const auto channels = static_cast<std::size_t>(shape.c);
        const auto pixels = static_cast<std::size_t>(shape.h * shape.w);
        const std::size_t k = i / channels / pixels * channels + i % channels;
        y.push_back(x[i] * s[k]);
        dx.push_back(dy[i] * s[k]);
        ds[k] += dy[i] * x[i];
      }
      expect_rounded(scale.y, y, "y");
      expect_rounded(scale.dx, dx, "dx");
      expect_rounded(scale.ds, ds, "ds");
    }
  }
}

TEST(ChannelScale, TakesUnalignedTensors) {
  const auto stream = test_stream();
  for (const DType dtype : {DType::f32, DType::bf16}) {
    Scale aligned(*stream, {3, 5, 7, 16}, dtype, 9);
    aligned.forward();
    aligned.backward();
    for (Tensor Scale::*const which : {&Scale::x, &Scale::s, &Scale::dy, &Scale::y, &Scale::dx}) {
      Scale scale(*stream, {3, 5, 7, 16}, dtype, 9);
      scale.*which = (scale.*which).unaligned();
      scale.forward();
      scale.backward();
      EXPECT_EQ(scale.y.values(), aligned.y.values());
      EXPECT_EQ(scale.dx.values(), aligned.dx.values());
      expect_rounded(scale.ds, aligned.ds.values(), "ds");
    }
  }
}

TEST(ChannelScale, MayWriteWhereItReads) {
  const auto stream = test_stream();
  Scale scale(*stream, {3, 5, 7, 13}, DType::bf16, 7);
  scale.forward();
  scale.backward();
  const auto ds = scale.ds.bytes();
  nn::channel_scale_backward(
      *stream, {.x = scale.x, .s = scale.s, .dy = scale.dy, .dx = scale.dy, .ds = scale.ds});
  EXPECT_EQ(scale.dy.bytes(), scale.dx.bytes());
  EXPECT_EQ(scale.ds.bytes(), ds);
  nn::channel_scale_forward(*stream, scale.x, scale.s, scale.x);
  EXPECT_EQ(scale.x.bytes(), scale.y.bytes());
}

TEST(ChannelScale, IsTheSameForAnyNumberOfThreads) {
  const auto stream = test_stream();
  Scale scale(*stream, {7, 16, 16, 24}, DType::f32, 7);
  expect_same_for_any_threads(
      [&] {
        scale.forward();
        scale.backward();
      },
      {&scale.y, &scale.dx, &scale.ds});
}

TEST(ChannelScale, RejectsWhatDoesNotFit) {
  const auto stream = test_stream();
  Scale good(*stream, {2, 3, 3, 4}, DType::f32, 0);
  Scale bf16(*stream, {2, 3, 3, 4}, DType::bf16, 0);
  EXPECT_THROW(nn::channel_scale_forward(*stream, good.x, good.x, good.y), UsageError);
  EXPECT_THROW(nn::channel_scale_forward(*stream, good.x, bf16.s, good.y), UsageError);
  EXPECT_THROW(nn::channel_scale_forward(*stream, good.x, good.s, View{}), UsageError);
  EXPECT_THROW(nn::channel_scale_backward(*stream, {good.x, good.s, good.s, good.dx, good.ds}),
               UsageError);
  EXPECT_THROW(nn::channel_scale_backward(*stream, {good.x, good.s, good.dy, good.dx, bf16.ds}),
               UsageError);
}

TEST(Elementwise, ReproducesReferenceVectors) {
  if (reference_cases("add").empty()) GTEST_SKIP() << no_reference_cases();
  const auto stream = test_stream();
  for (const ReferenceCase& reference : reference_cases("add")) {
    const Tensor a = reference.input(*stream, "a");
    const Tensor b = reference.input(*stream, "b");
    const Tensor dy = reference.input(*stream, "dy");
    const Tensor y(*stream, DType::f32, a.shape());
    const Tensor d(*stream, DType::f32, a.shape());
    add_forward(*stream, Activation::none, a, b, y);
    nn::add_backward(*stream, Activation::none, y, dy, d);
    reference.expect(y, "y");
    reference.expect(d, "da");
    reference.expect(d, "db");
  }
  for (const ReferenceCase& reference : reference_cases("channel_scale")) {
    Scale scale(*stream, reference.input_shape("x"), DType::f32, 0);
    scale.x = reference.input(*stream, "x");
    scale.s = reference.input(*stream, "s");
    scale.dy = reference.input(*stream, "dy");
    scale.forward();
    scale.backward();
    reference.expect(scale.y, "y");
    reference.expect(scale.dx, "dx");
    reference.expect(scale.ds, "ds");
  }
}

}  // namespace
}  // namespace paretiny::test
