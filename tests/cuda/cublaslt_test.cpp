// Products by cuBLASLt, on doubles of it and of CUDA's runtime.
#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>

#include "base/error.h"
#include "kernels/nn/cuda/libraries.h"
#include "tests/cuda/cublaslt_double.h"
#include "tests/cuda/cudart_double.h"
#include "tests/support/kernels.h"

namespace paretiny::cuda {

// The double of the runtime stands for a program without cuDNN.
std::string cudnn_version() {
  return "no cuDNN";
}

namespace {

using cuda_double::cublaslt;
using cuda_double::runtime;
using test::Tensor;

class CublasltTest : public testing::Test {
 protected:
  static std::unique_ptr<Stream> fresh_stream(int device = 0) {
    cublaslt() = {};
    return cuda_double::fresh_stream(device);
  }

  /// Runs a product of random matrices, which must be right, and the library must have been asked
  /// for it rightly.
  void expect_right(const Product& p, bool with_bias) {
    Stream& s = *stream_;
    const Tensor a = Tensor::random(s, DType::f32, {1, 1, p.rows, p.depth}, 1);
    const Tensor b = Tensor::random(s, DType::f32, {1, 1, p.depth, p.columns}, 2);
    const Tensor bias = Tensor::random(s, DType::f32, {1, 1, 1, p.columns}, 3);
    const Tensor d(s, DType::f32, {1, 1, p.rows, p.columns});
    ASSERT_TRUE(cublaslt_scratch_bytes(s, p));
    ASSERT_TRUE(cublaslt_product(s, p, a.view().as<float>(), b.view().as<float>(),
                                 with_bias ? bias.view().as<float>() : nullptr,
                                 d.view().as<float>()));
    const auto of_a = a.values(), of_b = b.values(), of_bias = bias.values();
    std::vector<double> expected;
    for (std::int64_t row = 0; row < p.rows; ++row) {
      for (std::int64_t column = 0; column < p.columns; ++column) {
        double sum = with_bias ? of_bias[static_cast<std::size_t>(column)] : 0;
        for (std::int64_t k = 0; k < p.depth; ++k) {
          const auto i = p.a_transposed ? k * p.rows + row : row * p.depth + k;
          const auto j = p.b_transposed ? column * p.depth + k : k * p.columns + column;
          sum += of_a[static_cast<std::size_t>(i)] * of_b[static_cast<std::size_t>(j)];
        }
        expected.push_back(sum);
      }
    }
    test::expect_near(d, expected, 1e-5 * test::max_abs(expected), "d");
    EXPECT_EQ(cublaslt().wrong, std::vector<std::string>{});
  }

  std::unique_ptr<Stream> stream_ = fresh_stream();
};

TEST_F(CublasltTest, ProductsAreRightInEveryLayout) {
  int products = 0;
  for (const auto& [rows, columns, depth] :
       {std::array{8, 10, 64}, {10, 64, 8}, {1, 1, 1}, {37, 53, 29}, {3, 2, 100}}) {
    for (const bool a_transposed : {false, true}) {
      for (const bool b_transposed : {false, true}) {
        for (const bool bias : {false, true}) {
          SCOPED_TRACE(testing::Message() << rows << " x " << columns << " x " << depth << ' '
                                          << a_transposed << b_transposed << bias);
          expect_right({rows, columns, depth, a_transposed, b_transposed}, bias);
          EXPECT_EQ(cublaslt().products, ++products);
        }
      }
    }
  }
}

TEST_F(CublasltTest, AnAlgorithmIsChosenOnceAProduct) {
  const Product product{8, 10, 64, false, true};
  for (int i = 0; i < 3; ++i) {
    expect_right(product, true);
    expect_right(product, false);
  }
  EXPECT_EQ(cublaslt().heuristics, 2) << "with a bias and without";
}

TEST_F(CublasltTest, NothingIsChosenWhileAStepIsRecorded) {
  const Product p{8, 10, 64, false, true};
  const Tensor a(*stream_, DType::f32, {1, 1, 8, 64}), b(*stream_, DType::f32, {1, 1, 10, 64});
  const Tensor d(*stream_, DType::f32, {1, 1, 8, 10});
  const auto recording = stream_->record([&] {
    EXPECT_TRUE(cublaslt_product(*stream_, p, a.view().as<float>(), b.view().as<float>(), nullptr,
                                 d.view().as<float>()));
  });
  recording->run();
  const int chosen = cublaslt().heuristics;
  recording->run();
  EXPECT_EQ(cublaslt().heuristics, chosen);
  EXPECT_FALSE(runtime().spoilt);
  EXPECT_EQ(runtime().replays, 1);
}

TEST_F(CublasltTest, TheScratchIsWhatWasAnnounced) {
  const Product product{8, 10, 64, false, true};
  const auto announced = cublaslt_scratch_bytes(*stream_, product);
  ASSERT_TRUE(announced);
  EXPECT_GE(*announced, cuda_double::kProductWorkspace);
  // Memory in use stays as it is: the double fills its workspace.
  Arena::Scope scratch(stream_->scratch());
  auto* const used = static_cast<unsigned char*>(scratch.take(1000));
  std::memset(used, 7, 1000);
  expect_right(product, false);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(used[i], 7) << i;
}

TEST_F(CublasltTest, MatricesThatAreNotAlignedAreDeclined) {
  const Product p{4, 4, 4};
  const Tensor whole(*stream_, DType::f32, {1, 1, 4, 4});
  const Tensor odd = whole.unaligned();
  float* const right = whole.view().as<float>();
  float* const wrong = odd.view().as<float>();
  EXPECT_FALSE(cublaslt_product(*stream_, p, wrong, right, nullptr, right));
  EXPECT_FALSE(cublaslt_product(*stream_, p, right, wrong, nullptr, right));
  EXPECT_FALSE(cublaslt_product(*stream_, p, right, right, wrong, right));
  EXPECT_FALSE(cublaslt_product(*stream_, p, right, right, nullptr, wrong));
  EXPECT_EQ(cublaslt().products, 0);
}

TEST_F(CublasltTest, WhatHasNoAlgorithmIsDeclined) {
  cublaslt().declines = true;
  const Product p{4, 4, 4};
  const Tensor x(*stream_, DType::f32, {1, 1, 4, 4});
  float* const data = x.view().as<float>();
  EXPECT_FALSE(cublaslt_scratch_bytes(*stream_, p));
  EXPECT_FALSE(cublaslt_product(*stream_, p, data, data, nullptr, data));
  EXPECT_EQ(cublaslt().products, 0);
}

TEST_F(CublasltTest, IsLeftOutWhereLibrariesAreNotWanted) {
  setenv("PARETINY_CUDA_LIBRARIES", "off", 1);
  EXPECT_FALSE(cublaslt_scratch_bytes(*stream_, {4, 4, 4}));
  unsetenv("PARETINY_CUDA_LIBRARIES");
  EXPECT_EQ(cublaslt().heuristics, 0);
}

TEST_F(CublasltTest, AFailureIsADeviceErrorWithItsReason) {
  const Product p{4, 4, 4};
  const Tensor x(*stream_, DType::f32, {1, 1, 4, 4});
  float* const data = x.view().as<float>();
  const auto failure = [&]() -> std::string {
    cublaslt().next_product = CUBLAS_STATUS_EXECUTION_FAILED;
    try {
      (void)cublaslt_product(*stream_, p, data, data, nullptr, data);
    } catch (const DeviceLost&) {
      return "lost";
    } catch (const DeviceError& error) {
      return error.what();
    }
    return "none";
  };
  EXPECT_EQ(failure(), "cuBLASLt: product: a reason");
  runtime().lost = true;
  EXPECT_EQ(failure(), "lost") << "what CUDA says below it is more";
  runtime().lost = false;
}

TEST_F(CublasltTest, AStreamOfAnotherDeviceHasAHandleThere) {
  stream_ = fresh_stream(1);
  expect_right({8, 10, 64, false, true}, true);
  EXPECT_EQ(cublaslt().handles, 1);
  stream_.reset();
  EXPECT_EQ(cublaslt().handles, 0) << "handles go with their streams";
}

/// That the double sees what it is there to see.
TEST_F(CublasltTest, TheDoubleNoticesMisuse) {
  cublasLtMatmulDescOpaque_t product{};
  cublasLtMatmulDescInit(&product, CUBLAS_COMPUTE_32F_FAST_TF32, CUDA_R_32F);
  cublasLtMatrixLayoutOpaque_t square{}, wide{};
  cublasLtMatrixLayoutInit(&square, CUDA_R_32F, 4, 4, 4);
  cublasLtMatrixLayoutInit(&wide, CUDA_R_32F, 4, 8, 4);
  cublasLtMatmulPreferenceOpaque_t wish{};
  cublasLtMatmulPreferenceInit(&wish);
  cublasLtMatmulHeuristicResult_t result{};
  int count = 0;
  cublasLtMatmulAlgoGetHeuristic(nullptr, &product, &square, &square, &wide, &wide, &wish, 1,
                                 &result, &count);
  for (const char* what :
       {"sums and scales are not exact f32", "D does not have the product's shape",
        "sums may be added in any order, or in another type",
        "the matrices are promised to be aligned to more than they are",
        "there is no room for the best algorithm"}) {
    const auto& wrong = cublaslt().wrong;
    EXPECT_NE(std::find(wrong.begin(), wrong.end(), what), wrong.end()) << what;
  }
}

}  // namespace
}  // namespace paretiny::cuda
