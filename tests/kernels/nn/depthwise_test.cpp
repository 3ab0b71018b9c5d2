#include "kernels/nn/depthwise.h"

#include <cstdlib>

#include "tests/support/fusion.h"

namespace paretiny::test {

using nn::DepthwiseShape;
using nn::Window;

namespace {

ConvolutionOps ops(Stream& stream, const DepthwiseShape& shape) {
  return {
      [&stream, shape](ConstView x, ConstView w, ConstView b, View y) {
        nn::depthwise_forward(stream, shape, {.x = x, .w = w, .b = b, .y = y});
      },
      [&stream, shape](ConstView dy, ConstView w, View dx) {
        nn::depthwise_backward_data(stream, shape, dy, w, dx);
      },
      [&stream, shape](ConstView x, ConstView dy, View dw, View db) {
        nn::depthwise_backward_weights(stream, shape, {.x = x, .dy = dy, .dw = dw, .db = db});
      },
      [&stream, shape](DType dtype) { return nn::depthwise_scratch_bytes(stream, shape, dtype); },
      shape.input,
      shape.weights(),
      shape.output()};
}

FusedConvolutionOps fused_ops(Stream& stream, const DepthwiseShape& shape) {
  return {
      [&stream, shape](ConstView x, ConstView w, ConstView b, View y, const nn::Prologue& prologue,
                       const nn::Epilogue& epilogue) {
        nn::depthwise_forward(
            stream, shape,
            {.x = x, .w = w, .b = b, .y = y, .prologue = prologue, .epilogue = epilogue});
      },
      [&stream, shape](ConstView x, ConstView dy, View dw, View db, const nn::Prologue& prologue) {
        nn::depthwise_backward_weights(
            stream, shape, {.x = x, .dy = dy, .dw = dw, .db = db, .prologue = prologue});
      },
      [&stream, shape](DType dtype) { return nn::depthwise_scratch_bytes(stream, shape, dtype); },
      shape.input,
      shape.weights(),
      shape.output()};
}

ConvolutionJudge judge(const DepthwiseShape& shape) {
  return {shape.input, shape.input.c, shape.window, true};
}

std::vector<DepthwiseShape> shapes() {
  return {
      {{2, 8, 8, 16}, Window::same(8, 8, 3, 3, 1, 1)},
      {{1, 9, 7, 40}, Window::same(9, 7, 5, 5, 2, 2)},
      {{3, 7, 6, 13}, Window::same(7, 6, 3, 3, 2, 2)},    // pruned channels
      {{2, 1, 37, 27}, Window::same(1, 37, 1, 9, 1, 2)},  // time series
      {{3, 1, 20, 43}, Window::same(1, 20, 1, 3, 1, 1)},
      {{2, 6, 7, 5}, {3, 3, 1, 1, 0, 2, 1, 0}},         // uneven padding
      {{1, 10, 9, 70}, {3, 2, 3, 2, 0, 0, 0, 0}},       // rows that fill no window
      {{2, 4, 4, 1}, Window::same(4, 4, 3, 3, 1, 1)},   // one channel
      {{1, 1, 1, 19}, Window::same(1, 1, 3, 3, 1, 1)},  // one pixel, mostly padding
      {{2, 2, 3, 8}, Window::same(2, 3, 7, 7, 1, 1)},   // window larger than the input
      {{1, 3, 9, 33}, {1, 1, 1, 2, 0, 0, 0, 0}},        // a scale
      {{2, 11, 10, 24}, Window::same(11, 10, 5, 5, 1, 1)},
      {{2, 12, 9, 16}, Window::same(12, 9, 5, 5, 2, 2)},
      {{9, 4, 4, 8}, Window::same(4, 4, 3, 3, 1, 1)},       // many samples a block
      {{1, 14, 75, 48}, Window::same(14, 75, 3, 3, 2, 2)},  // strips of columns
      {{1, 4, 5, 300}, Window::same(4, 5, 3, 3, 1, 1)},     // slices of channels
      {{1, 70, 3, 16}, {3, 3, 1, 1, 4, 3, 0, 2}},           // padding beyond the window's reach
      {{1, 9, 8, 8}, {5, 5, 2, 2, 5, 7, 1, 4}},
      {{5, 1, 300, 40}, Window::same(1, 300, 1, 7, 1, 1)},
      {{3, 1, 33, 19}, Window::same(1, 33, 1, 4, 1, 2)},   // even windows
      {{2, 3, 10, 8}, {1, 6, 1, 1, 2, 3, 1, 0}},           // rows of padding
      {{1, 2, 30, 12}, Window::same(2, 30, 1, 11, 1, 1)},  // wider than kernels are made for
      {{2, 9, 5, 33}, {3, 3, 2, 1, 1, 1, 1, 1}},           // two strides
  };
}

/// 3x3 or 5x5 and stride 1: as a GPU cuts them for tensor cores, tiles of 16 columns and pairs of
/// chunks.
std::vector<DepthwiseShape> tiled(std::int64_t kernel) {
  const auto same = [=](std::int64_t h, std::int64_t w) {
    return Window::same(h, w, kernel, kernel, 1, 1);
  };
  return {
      {{2, 7, 16, 16}, same(7, 16)},
      {{3, 6, 5, 8}, same(6, 5)},                            // half a pair, several samples a block
      {{1, 9, 35, 13}, same(9, 35)},                         // three tiles, odd channels
      {{1, 5, 70, 40}, same(5, 70)},                         // strips of columns
      {{2, 3, 9, 104}, same(3, 9)},                          // slices of channels
      {{5, 8, 8, 3}, {kernel, kernel, 1, 1, 0, 3, 4, 0}},    // uneven padding
      {{1, 6, 20, 24}, {kernel, kernel, 1, 1, 0, 0, 0, 0}},  // none
      {{1, 1, 1, 9}, same(1, 1)},                            // one pixel
      {{2, 4, 18, 16}, {kernel, kernel, 1, 1, 6, 5, 0, 7}},  // beyond the window's reach
  };
}

/// How a GPU computes those while it lives.
class DepthwiseVariant {
 public:
  explicit DepthwiseVariant(const std::string& name) {
    const std::string both = "depthwise_3x3=" + name + ",depthwise_5x5=" + name;
    setenv("PARETINY_CUDA_VARIANTS", both.c_str(), 1);
  }
  ~DepthwiseVariant() { unsetenv("PARETINY_CUDA_VARIANTS"); }
  DepthwiseVariant(const DepthwiseVariant&) = delete;
  DepthwiseVariant& operator=(const DepthwiseVariant&) = delete;
};

TEST(Depthwise, SquareWindowsInEveryWay) {
  std::uint64_t seed = 5000;
  for (const char* name : {"diagonals", "fma"}) {
    for (const std::int64_t kernel : {3, 5}) {
      SCOPED_TRACE(name);
      const DepthwiseVariant variant(name);
      const auto stream = test_stream();
      for (const DepthwiseShape& shape : tiled(kernel)) {
        expect_convolution(*stream, ops(*stream, shape), judge(shape), DType::bf16, seed += 10);
        expect_fused_convolution(*stream, fused_ops(*stream, shape), judge(shape), fusions().back(),
                                 DType::bf16, seed += 10);
      }
      const DepthwiseShape shape{{3, 6, 19, 24}, Window::same(6, 19, kernel, kernel, 1, 1)};
      for (const Fusion& fusion : fusions()) {
        expect_fused_convolution(*stream, fused_ops(*stream, shape), judge(shape), fusion,
                                 DType::bf16, seed += 10);
      }
      expect_steady_statistics(*stream, fused_ops(*stream, shape), DType::bf16, seed);
    }
  }
}

TEST(Depthwise, AgreesWithDirectLoops) {
  std::uint64_t seed = 0;
  for (const DepthwiseShape& shape : shapes()) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const auto stream = test_stream();
      expect_convolution(*stream, ops(*stream, shape), judge(shape), dtype, seed += 10);
    }
  }
}

TEST(Depthwise, FusesEveryPart) {
  std::uint64_t seed = 1000;
  const DepthwiseShape shape{{2, 6, 7, 24}, Window::same(6, 7, 3, 3, 1, 1)};
  for (const Fusion& fusion : fusions()) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const auto stream = test_stream();
      expect_fused_convolution(*stream, fused_ops(*stream, shape), judge(shape), fusion, dtype,
                               seed += 10);
    }
  }
}

TEST(Depthwise, FusesInEveryShape) {
  std::uint64_t seed = 2000;
  for (const DepthwiseShape& shape : shapes()) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const auto stream = test_stream();
      expect_fused_convolution(*stream, fused_ops(*stream, shape), judge(shape), fusions().back(),
                               dtype, seed += 10);
    }
  }
}

TEST(Depthwise, SeriesWithAGate) {
  const DepthwiseShape shape{{4, 1, 40, 24}, Window::same(1, 40, 1, 5, 1, 1)};
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const auto stream = test_stream();
    expect_fused_convolution(*stream, fused_ops(*stream, shape), judge(shape),
                             {{.gate = true}, {.statistics = true}}, dtype, 2900);
  }
}

TEST(Depthwise, UnalignedTensors) {
  const DepthwiseShape shape{{1, 5, 6, 16}, Window::same(5, 6, 3, 3, 1, 1)};
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const auto stream = test_stream();
    const std::int64_t elements = shape.input.elements();
    const Tensor longer = Tensor::random(*stream, dtype, {1, 1, 1, elements + 1}, 1);
    const Tensor to(*stream, dtype, {1, 1, 1, elements + 1});
    const Tensor w = Tensor::random(*stream, DType::f32, shape.weights(), 2);
    const Tensor dw(*stream, DType::f32, shape.weights());
    const auto shifted = [&](const Tensor& tensor) {
      return view(static_cast<std::byte*>(tensor.view().data) + size_of(dtype), dtype, shape.input);
    };
    const auto tail = [](const Tensor& tensor) {
      const std::vector<double> all = tensor.values();
      return std::vector<double>(all.begin() + 1, all.end());
    };
    const std::vector<double> x = tail(longer);
    const double relative = dtype == DType::bf16 ? 0x1p-7 : 1e-5;
    nn::depthwise_forward(*stream, shape, {.x = shifted(longer), .w = w, .y = shifted(to)});
    const std::vector<double> y = judge(shape).forward(x, w.values(), {});
    expect_near(tail(to), y, relative * max_abs(y), "y");
    nn::depthwise_backward_data(*stream, shape, shifted(longer), w, shifted(to));
    const std::vector<double> dx = judge(shape).backward_data(x, w.values());
    expect_near(tail(to), dx, relative * max_abs(dx), "dx");
    nn::depthwise_backward_weights(*stream, shape,
                                   {.x = shifted(longer), .dy = shifted(longer), .dw = dw});
    const std::vector<double> weights = judge(shape).backward_weights(x, x);
    expect_near(dw, weights, 1e-5 * max_abs(weights), "dw");
  }
}

TEST(Depthwise, StatisticsOfSteadyChannels) {
  const DepthwiseShape shape{{3, 9, 8, 16}, Window::same(9, 8, 3, 3, 1, 1)};
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const auto stream = test_stream();
    expect_steady_statistics(*stream, fused_ops(*stream, shape), dtype, 3000);
  }
}

TEST(Depthwise, GradientsAreThoseOfTheForwardPass) {
  const auto stream = test_stream();
  expect_convolution_gradients(*stream, ops(*stream, {{2, 6, 7, 5}, {3, 3, 2, 1, 0, 2, 1, 0}}));
}

TEST(Depthwise, ReproducesReferenceVectors) {
  const auto cases = reference_cases("depthwise_conv2d");
  if (cases.empty()) GTEST_SKIP() << no_reference_cases();
  const auto stream = test_stream();
  for (const ReferenceCase& reference : cases) {
    const DepthwiseShape shape{reference.input_shape("x"), window_of(reference)};
    expect_reference(*stream, ops(*stream, shape), reference);
  }
}

TEST(Depthwise, RejectsWhatDoesNotFit) {
  const auto stream = test_stream();
  const DepthwiseShape shape{{1, 5, 5, 2}, {3, 3, 1, 1, 0, 0, 0, 0}};
  const Tensor x(*stream, DType::f32, shape.input);
  const Tensor w(*stream, DType::f32, shape.weights());
  const Tensor y(*stream, DType::f32, shape.output());
  const Tensor y_bf16(*stream, DType::bf16, shape.output());
  EXPECT_NO_THROW(nn::depthwise_forward(*stream, shape, {.x = x, .w = w, .y = y}));
  EXPECT_THROW(nn::depthwise_forward(*stream, shape, {.x = y, .w = w, .y = y}), UsageError);
  EXPECT_THROW(nn::depthwise_forward(*stream, shape, {.x = x, .w = x, .y = y}), UsageError);
  EXPECT_THROW(nn::depthwise_forward(*stream, shape, {.x = x, .w = w, .b = w, .y = y}), UsageError);
  EXPECT_THROW(nn::depthwise_forward(*stream, shape, {.x = x, .w = w, .y = y_bf16}), UsageError);
  EXPECT_THROW(nn::depthwise_backward_data(*stream, shape, y_bf16, w, x), UsageError);
  EXPECT_THROW(nn::depthwise_backward_weights(*stream, shape, {.x = x, .dy = y, .dw = x}),
               UsageError);
  EXPECT_THROW(nn::depthwise_scratch_bytes(*stream, shape, DType::u8), UsageError);
  const DepthwiseShape bad{{1, 2, 5, 2}, shape.window};
  EXPECT_THROW(nn::depthwise_forward(*stream, bad, {.x = x, .w = w, .y = y}), UsageError);
}

}  // namespace
}  // namespace paretiny::test
