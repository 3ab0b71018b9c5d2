// What stands between our tensors and NVIDIA's libraries, which the SIMT twin lacks: conversions
// and biases.
#include <gtest/gtest.h>

#include "kernels/nn/cuda/bias.h"
#include "kernels/nn/cuda/convert.h"
#include "tests/support/kernels.h"

namespace paretiny::test {
namespace {

std::vector<double> rounded(DType dtype, std::vector<double> values) {
  for (double& value : values) value = test::rounded(dtype, value);
  return values;
}

TEST(Convert, RoundsToNearestAndWidensExactly) {
  const auto stream = test_stream();
  for (const std::int64_t count : {1, 7, 8, 100, 5003}) {
    for (const bool aligned : {true, false}) {
      SCOPED_TRACE(count);
      const Shape shape{1, 1, 1, count};
      Tensor from = Tensor::random(*stream, DType::f32, shape, 1);
      if (!aligned) from = from.unaligned();
      const Tensor narrow(*stream, DType::bf16, shape);
      const Tensor wide(*stream, DType::f32, shape);
      cuda::convert(*stream, from.view().as<float>(), narrow.view().as<bf16>(), count);
      EXPECT_EQ(narrow.values(), rounded(DType::bf16, from.values()));
      cuda::convert(*stream, narrow.view().as<bf16>(), wide.view().as<float>(), count);
      EXPECT_EQ(wide.values(), narrow.values());
    }
  }
}

TEST(Bias, IsAddedToItsChannel) {
  const auto stream = test_stream();
  for (const Shape& shape : {Shape{2, 3, 5, 16}, Shape{3, 1, 7, 13}, Shape{1, 1, 1, 300}}) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const Tensor b = Tensor::random(*stream, DType::f32, {1, 1, 1, shape.c}, 1);
      const Tensor y = Tensor::random(*stream, dtype, shape, 2);
      const std::vector<double> bias = b.values();
      std::vector<double> expected = y.values();
      for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += bias[i % bias.size()];
      cuda::add_bias(*stream, b, y);
      EXPECT_EQ(y.values(), rounded(dtype, rounded(DType::f32, expected))) << to_string(shape);
    }
  }
}

}  // namespace
}  // namespace paretiny::test
