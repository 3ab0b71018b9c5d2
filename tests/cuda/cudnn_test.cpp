// Dense convolutions by cuDNN, on doubles of it and of CUDA's runtime.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/error.h"
#include "kernels/nn/cuda/convert.h"
#include "kernels/nn/cuda/libraries.h"
#include "tests/cuda/cudart_double.h"
#include "tests/cuda/cudnn_double.h"
#include "tests/support/convolution.h"

namespace paretiny::cuda {

std::string cublaslt_version() {
  return "no cuBLASLt";
}

namespace {
int casts = 0;  // of weights
}

// What a kernel does elsewhere.
void convert(Stream&, const float* from, bf16* to, std::int64_t count) {
  ++casts;
  for (std::int64_t i = 0; i < count; ++i) to[i] = to_bf16(from[i]);
}
void convert(Stream&, const bf16* from, float* to, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = to_float(from[i]);
}

namespace {

using cuda_double::cudnn;
using cuda_double::Engine;
using cuda_double::runtime;
using test::Tensor;

Engine tensor_cores(std::int64_t number, std::int64_t workspace = 0) {
  return {
      .number = number, .numerical = {CUDNN_NUMERICAL_NOTE_TENSOR_CORE}, .workspace = workspace};
}

class CudnnTest : public testing::Test {
 protected:
  static std::unique_ptr<Stream> fresh_stream(int device = 0) {
    cudnn() = {};
    return cuda_double::fresh_stream(device);
  }
  void propose(std::vector<Engine> engines) { cudnn().proposed = std::move(engines); }

  std::optional<std::size_t> scratch(ConvPass pass, DType dtype = DType::bf16) {
    return cudnn_conv_scratch_bytes(*stream_, shape_, dtype, pass);
  }

  /// All three passes of a shape, which must be right.
  void expect_right(const nn::ConvShape& shape, DType dtype) {
    Stream& s = *stream_;
    const Tensor x = Tensor::random(s, dtype, shape.input, 1);
    const Tensor dy = Tensor::random(s, dtype, shape.output(), 2);
    const Tensor w = Tensor::random(s, DType::f32, shape.weights(), 3);
    const Tensor y(s, dtype, shape.output()), dx(s, dtype, shape.input);
    const Tensor dw(s, DType::f32, shape.weights());
    ASSERT_TRUE(cudnn_conv_forward(s, shape, x, w, y));
    ASSERT_TRUE(cudnn_conv_backward_data(s, shape, dy, w, dx));
    ASSERT_TRUE(cudnn_conv_backward_weights(s, shape, x, dy, dw));
    const test::ConvolutionJudge judge{shape.input, shape.out_channels, shape.window};
    const double rounding = dtype == DType::bf16 ? 1.0 / 64 : 1e-5;
    const auto near = [&](const Tensor& actual, const std::vector<double>& expected,
                          const char* what) {
      test::expect_near(actual, expected, rounding * test::max_abs(expected), what);
    };
    near(y, judge.forward(x.values(), w.values(), {}), "y");
    near(dx, judge.backward_data(dy.values(), w.values()), "dx");
    near(dw, judge.backward_weights(x.values(), dy.values()), "dw");
    EXPECT_EQ(cudnn().wrong, std::vector<std::string>{});
  }

  const nn::ConvShape shape_{{2, 6, 5, 8}, 4, nn::Window::same(6, 5, 3, 3, 1, 1)};
  std::unique_ptr<Stream> stream_ = fresh_stream();
};

constexpr ConvPass kPasses[] = {ConvPass::forward, ConvPass::backward_data,
                                ConvPass::backward_weights};

TEST_F(CudnnTest, EveryPassIsRightInBothTypes) {
  for (const auto& shape :
       {shape_, nn::ConvShape{{3, 7, 9, 5}, 6, nn::Window::same(7, 9, 3, 3, 2, 2)},
        nn::ConvShape{{1, 8, 6, 3}, 7, {5, 2, 1, 3, 4, 0, 1, 2}},
        nn::ConvShape{{2, 1, 30, 4}, 8, nn::Window::same(1, 30, 1, 9, 1, 2)}}) {
    propose({tensor_cores(7, 4096)});
    expect_right(shape, DType::bf16);
    propose({{.number = 8}});
    expect_right(shape, DType::f32);
  }
}

TEST_F(CudnnTest, TheFirstEngineThatKeepsOurPromisesIsTaken) {
  Engine winograd = tensor_cores(1), random = tensor_cores(2), compiled = tensor_cores(3),
         greedy = tensor_cores(4, std::int64_t{1} << 40), broken = tensor_cores(5),
         scalar = {.number = 6};
  winograd.numerical.push_back(CUDNN_NUMERICAL_NOTE_WINOGRAD);
  random.numerical.push_back(CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC);
  compiled.behavior.push_back(CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION);
  broken.plans = false;
  propose({winograd, random, compiled, greedy, broken, scalar, tensor_cores(9), tensor_cores(10)});
  expect_right(shape_, DType::bf16);
  EXPECT_EQ(cudnn().runs, (std::vector<std::int64_t>{9, 9, 9}));
  expect_right(shape_, DType::f32);
  EXPECT_EQ(cudnn().runs, (std::vector<std::int64_t>{9, 9, 9, 6, 6, 6}))
      << "f32 is exact: not on tensor cores";
}

TEST_F(CudnnTest, TheFallbackIsAskedLast) {
  cudnn().fallback = {tensor_cores(11)};
  expect_right(shape_, DType::bf16);
  EXPECT_EQ(cudnn().runs, (std::vector<std::int64_t>{11, 11, 11}));
}

TEST_F(CudnnTest, EnginesAreChosenOnceAShape) {
  propose({tensor_cores(1)});
  for (int i = 0; i < 3; ++i) expect_right(shape_, DType::bf16);
  EXPECT_EQ(cudnn().heuristics, 3) << "one a pass";
}

TEST_F(CudnnTest, WeightsInBf16AreReadAsTheyAre) {
  propose({tensor_cores(1, 512)});
  Stream& s = *stream_;
  const Tensor x = Tensor::random(s, DType::bf16, shape_.input, 1);
  const Tensor dy = Tensor::random(s, DType::bf16, shape_.output(), 2);
  const Tensor w = Tensor::random(s, DType::f32, shape_.weights(), 3);
  const Tensor cast(s, DType::bf16, shape_.weights(), w.values());
  const auto run = [&](const Tensor& weights) {
    const Tensor y(s, DType::bf16, shape_.output()), dx(s, DType::bf16, shape_.input);
    EXPECT_TRUE(cudnn_conv_forward(s, shape_, x, weights, y));
    EXPECT_TRUE(cudnn_conv_backward_data(s, shape_, dy, weights, dx));
    return std::pair(y.bytes(), dx.bytes());
  };
  casts = 0;
  const auto wanted = run(w);
  EXPECT_EQ(casts, 2);
  EXPECT_EQ(run(cast), wanted);
  EXPECT_EQ(casts, 2) << "one more was made";
  EXPECT_EQ(cudnn().wrong, std::vector<std::string>{});
}

TEST_F(CudnnTest, TheScratchIsWhatWasAnnouncedAndNothingElseIsWrittenTo) {
  propose({tensor_cores(1, 3000)});
  const std::size_t weights = static_cast<std::size_t>(shape_.weights().elements()) * 2;
  for (const ConvPass pass : kPasses) EXPECT_EQ(scratch(pass), aligned(weights) + aligned(3000));
  Arena::Scope scope(stream_->scratch());
  auto* const used = static_cast<unsigned char*>(scope.take(1000));
  std::memset(used, 7, 1000);
  expect_right(shape_, DType::bf16);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(used[i], 7) << i;
}

TEST_F(CudnnTest, WhatNoEngineTakesIsDeclined) {
  propose({{.number = 1}});
  for (const ConvPass pass : kPasses) EXPECT_FALSE(scratch(pass));
  const Tensor x(*stream_, DType::bf16, shape_.input), y(*stream_, DType::bf16, shape_.output());
  const Tensor w(*stream_, DType::f32, shape_.weights());
  EXPECT_FALSE(cudnn_conv_forward(*stream_, shape_, x, w, y));
  EXPECT_FALSE(cudnn_conv_backward_data(*stream_, shape_, y, w, x));
  EXPECT_FALSE(cudnn_conv_backward_weights(*stream_, shape_, x, y, w));
  EXPECT_TRUE(cudnn().runs.empty());
}

TEST_F(CudnnTest, TensorsThatAreNotAlignedAreDeclined) {
  propose({tensor_cores(1)});
  const Tensor x(*stream_, DType::bf16, shape_.input), y(*stream_, DType::bf16, shape_.output());
  const Tensor w(*stream_, DType::f32, shape_.weights());
  EXPECT_FALSE(cudnn_conv_forward(*stream_, shape_, x.unaligned(), w, y));
  EXPECT_FALSE(cudnn_conv_forward(*stream_, shape_, x, w.unaligned(), y));
  EXPECT_FALSE(cudnn_conv_forward(*stream_, shape_, x, w, y.unaligned()));
  EXPECT_TRUE(cudnn().runs.empty());
}

TEST_F(CudnnTest, WhatIsNotSupportedAfterAllIsNeverTriedAgain) {
  Engine engine = tensor_cores(1);
  engine.runs = false;
  propose({engine});
  const Tensor x(*stream_, DType::bf16, shape_.input), y(*stream_, DType::bf16, shape_.output());
  const Tensor w(*stream_, DType::f32, shape_.weights());
  ASSERT_TRUE(scratch(ConvPass::forward));
  EXPECT_FALSE(cudnn_conv_forward(*stream_, shape_, x, w, y));
  EXPECT_FALSE(scratch(ConvPass::forward));
  EXPECT_EQ(cudnn().heuristics, 1);
}

TEST_F(CudnnTest, AFailureIsADeviceErrorWithItsReason) {
  propose({tensor_cores(1)});
  const Tensor x(*stream_, DType::bf16, shape_.input), y(*stream_, DType::bf16, shape_.output());
  const Tensor w(*stream_, DType::f32, shape_.weights());
  cudnn().next_run = CUDNN_STATUS_EXECUTION_FAILED;
  try {
    (void)cudnn_conv_forward(*stream_, shape_, x, w, y);
    FAIL() << "no error";
  } catch (const DeviceError& error) {
    EXPECT_STREQ(error.what(), "cuDNN: conv_forward: a reason");
  }
}

TEST_F(CudnnTest, AStepIsRecordedWithWhatWasChosenBefore) {
  propose({tensor_cores(1, 512)});
  const Tensor x = Tensor::random(*stream_, DType::bf16, shape_.input, 1);
  const Tensor w = Tensor::random(*stream_, DType::f32, shape_.weights(), 2);
  const Tensor y(*stream_, DType::bf16, shape_.output());
  const auto recording =
      stream_->record([&] { EXPECT_TRUE(cudnn_conv_forward(*stream_, shape_, x, w, y)); });
  recording->run();
  recording->run();
  EXPECT_EQ(cudnn().heuristics, 1);
  EXPECT_FALSE(runtime().spoilt);
  EXPECT_EQ(runtime().replays, 1);
}

TEST_F(CudnnTest, HandlesAndDescriptorsGoWithTheirStream) {
  stream_ = fresh_stream(1);
  propose({tensor_cores(1)});
  expect_right(shape_, DType::bf16);
  EXPECT_EQ(cudnn().handles, 1);
  EXPECT_GT(cudnn().descriptors, 0);
  stream_.reset();
  EXPECT_EQ(cudnn().handles, 0);
  EXPECT_EQ(cudnn().descriptors, 0);
}

TEST_F(CudnnTest, IsLeftOutWhereLibrariesAreNotWanted) {
  propose({tensor_cores(1)});
  setenv("PARETINY_CUDA_LIBRARIES", "off", 1);
  EXPECT_FALSE(scratch(ConvPass::forward));
  unsetenv("PARETINY_CUDA_LIBRARIES");
  EXPECT_EQ(cudnn().heuristics, 0);
}

}  // namespace
}  // namespace paretiny::cuda
