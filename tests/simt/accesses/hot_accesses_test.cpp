// What the kernels that carry a training step and an int8 evaluation claim of their accesses:
// activations by whole sectors, shared memory without bank conflicts. At a width of models, and at
// an odd one as pruning leaves, where less is reached. What misses the claim is a known cost, and
// its bound here what docs/kernels.md says of it.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "kernels/core/cuda/variants.h"
#include "kernels/int8/int8.h"
#include "kernels/nn/batchnorm.h"
#include "kernels/nn/conv.h"
#include "kernels/nn/depthwise.h"
#include "kernels/nn/elementwise.h"
#include "kernels/nn/pointwise.h"
#include "tests/simt/accesses/access_counts.h"
#include "tests/support/kernels.h"

namespace paretiny {
namespace {

using simt::Access;
using simt::AccessCost;
using simt::AccessCounts;
using test::Tensor;
using enum simt::Access;

/// The most that accesses may cost, against the least.
struct Claim {
  double loads = 1, stores = 1;                ///< of activations, in sectors
  double shared_loads = 1, shared_stores = 1;  ///< in passes
};

struct Width {
  std::int64_t channels;
  DType dtype;
  bool odd() const { return channels % 2 != 0; }
};

class HotAccesses : public testing::TestWithParam<Width> {
 protected:
  const Tensor& activations(const Shape& shape) { return activations(shape, width.dtype); }
  const Tensor& activations(const Shape& shape, DType dtype) {
    const Tensor& tensor = keep(Tensor::random(*stream_, dtype, shape, 1));
    counts_.tell_apart("activations", tensor.view().data,
                       static_cast<std::size_t>(shape.elements()) * size_of(dtype));
    return tensor;
  }
  /// Weights, and what there is one of a channel.
  const Tensor& others(const Shape& shape, DType dtype = DType::f32) {
    return keep(Tensor::random(*stream_, dtype, shape, 2));
  }
  const Tensor& words(std::int64_t count, double value) {
    const std::vector<double> values(static_cast<std::size_t>(count), value);
    return keep(Tensor(*stream_, DType::i32, {1, 1, 1, count}, values));
  }

  /// Of the kernels whose name begins so, one of which must have run.
  void expect(const std::string& kernel, const Claim& claim) const {
    AccessCost global[2], shared[2];
    for (const auto& [name, costs] : counts_.kernels()) {
      const auto& [who, region] = name;
      if (!who.starts_with(kernel)) continue;
      if (region == "activations") {
        global[0] += costs[static_cast<std::size_t>(global_load)];
        global[1] += costs[static_cast<std::size_t>(global_store)];
      }
      shared[0] += costs[static_cast<std::size_t>(shared_load)];
      shared[1] += costs[static_cast<std::size_t>(shared_store)];
    }
    EXPECT_GT(global[0].accesses + global[1].accesses + shared[0].accesses, 0u) << kernel;
    constexpr double kMore = 1.1;
    EXPECT_LE(global[0].ratio(), claim.loads * kMore) << kernel << ": loads of activations";
    EXPECT_LE(global[1].ratio(), claim.stores * kMore) << kernel << ": stores of activations";
    EXPECT_LE(shared[0].ratio(), claim.shared_loads * kMore) << kernel << ": shared loads";
    EXPECT_LE(shared[1].ratio(), claim.shared_stores * kMore) << kernel << ": shared stores";
    if (HasFailure()) ADD_FAILURE() << counts_.report();
  }
  /// Another bound at the odd width, in bf16 and in f32.
  void expect(const std::string& kernel, const Claim& whole, const Claim& odd_bf16,
              const Claim& odd_f32) const {
    const Claim& odd = width.dtype == DType::bf16 ? odd_bf16 : odd_f32;
    expect(kernel, width.odd() ? odd : whole);
  }

  void depthwise(int kernel, int stride) {
    const nn::DepthwiseShape shape{{2, 16, 16, width.channels},
                                   nn::Window::same(16, 16, kernel, kernel, stride, stride)};
    const Tensor& x = activations(shape.input);
    const Tensor& y = activations(shape.output());
    const Tensor& w = others(shape.weights());
    nn::depthwise_forward(stream(), shape, {.x = x, .w = w, .b = {}, .y = y});
    nn::depthwise_backward_weights(stream(), shape, {.x = x, .dy = y, .dw = w, .db = {}});
    nn::depthwise_backward_data(stream(), shape, y, w, x);
  }

  Stream& stream() { return *stream_; }

  const Width width = GetParam();

 private:
  const Tensor& keep(Tensor tensor) {
    kept_.push_back(std::make_unique<Tensor>(std::move(tensor)));
    return *kept_.back();
  }

  std::unique_ptr<Stream> stream_ = Stream::create({DeviceKind::cuda, 0});
  std::vector<std::unique_ptr<Tensor>> kept_;
  AccessCounts counts_;
};

// Where channels come in no whole packs, depthwise and pointwise kernels move element by element.

TEST_P(HotAccesses, Depthwise3x3) {
  depthwise(3, 1);
  const Claim known{.shared_stores = 1.5};
  const Claim bf16{9.4, 5.5, 1.2, 1.4}, f32{4.2, 4.3, 1, 1.6};
  expect("depthwise_forward", known, bf16, f32);
  expect("depthwise_backward_data", known, bf16, f32);
  expect("depthwise_backward_weights", known, {8.6, 1, 1, 1.2}, {4.7, 1, 1, 1.5});
}

TEST_P(HotAccesses, Depthwise3x3Stride2) {
  depthwise(3, 2);
  const Claim known{.shared_stores = 1.4};
  expect("depthwise_forward", known, {9.3, 5.3, 1.2, 1.2}, {4.1, 4.2, 1, 1.6});
  expect("depthwise_backward_data", known, {8.5, 5.5, 1.2, 1.9}, {4.2, 4.3, 1, 1.5});
  expect("depthwise_backward_weights", known, {8.4, 1, 1, 1.2}, {4, 1, 1, 1.4});
}

TEST_P(HotAccesses, Depthwise5x5) {
  const cuda::UseVariant fma(cuda::Choice::depthwise_5x5, cuda::Variant::fma);
  depthwise(5, 1);
  const Claim known{.shared_stores = 2};
  expect("depthwise_forward", known, {9.2, 3.3, 1, 1.3}, {4.2, 2.4, 1, 1.6});
  expect("depthwise_backward_data", known, {9.2, 3.3, 1, 1.3}, {4.2, 2.4, 1, 1.6});
  expect("depthwise_backward_weights", known, {9.2, 1, 1, 1.3}, {4.7, 1, 1, 1.4});
}

TEST_P(HotAccesses, Depthwise5x5ByDiagonals) {
  if (width.dtype != DType::bf16) GTEST_SKIP() << "f32 is not computed so";
  depthwise(5, 1);
  const Claim known{.shared_stores = 2}, odd{9.2, 7.5, 1, 2};
  expect("depthwise_forward", known, odd, {});
  expect("depthwise_backward_data", known, odd, {});
}

TEST_P(HotAccesses, Pointwise) {
  const nn::PointwiseShape shape{{2, 16, 16, width.channels}, width.channels + 16};
  const Tensor& x = activations(shape.input);
  const Tensor& y = activations(shape.output());
  const Tensor& w = others(shape.weights());
  nn::pointwise_forward(stream(), shape, {.x = x, .w = w, .b = {}, .y = y});
  nn::pointwise_backward_data(stream(), shape, y, w, x);
  nn::pointwise_backward_weights(stream(), shape, {.x = x, .dy = y, .dw = w, .db = {}});
  // Tiles of the exact f32 product are written across their rows.
  const Claim known{.shared_stores = width.dtype == DType::bf16 ? 1.1 : 2.2};
  expect("pointwise_forward", known, {7.2, 7.8, 1, 1.1}, {1.5, 1.2, 1, 2.3});
  expect("pointwise_backward_data", known, {7.8, 7.2, 1, 1.1}, {1.5, 1.3, 1, 2});
  expect("pointwise_backward_weights", known, {7, 1, 1, 1}, {1.3, 1, 1, 1.2});
}

// What has odd channels is padded first, element by element: its taps are then whole.
TEST_P(HotAccesses, DenseConvolution) {
  const cuda::UseVariant forward(cuda::Choice::conv_forward, cuda::Variant::gather);
  const cuda::UseVariant backward(cuda::Choice::conv_backward_data, cuda::Variant::gather);
  const nn::ConvShape shape{
      {2, 8, 8, width.channels}, width.channels + 16, nn::Window::same(8, 8, 3, 3, 1, 1)};
  const Tensor& x = activations(shape.input);
  const Tensor& y = activations(shape.output());
  const Tensor& w = others(shape.weights());
  nn::conv_forward(stream(), shape, x, w, {}, y);
  nn::conv_backward_weights(stream(), shape, x, y, w, {});
  nn::conv_backward_data(stream(), shape, y, w, x);
  expect("conv_forward", {}, {1, 7.8, 1.2, 1}, {1, 3.6, 1, 1.1});
  expect("conv_backward_data", {}, {1, 7.2, 1.2, 1}, {1, 3.4, 1, 1.1});
  expect("conv_backward_weights", {});
  if (width.odd()) expect("conv_pad", {}, {8.7, 1, 1, 1}, {5.5, 1, 1, 1});
}

// With tiles of pixels and their neighbours: what it reads is padded to whole packs as well.
TEST_P(HotAccesses, DenseConvolutionByTiles) {
  if (width.dtype != DType::bf16) GTEST_SKIP() << "f32 is not computed so";
  const nn::ConvShape shape{
      {4, 8, 8, width.channels}, width.channels, nn::Window::same(8, 8, 3, 3, 1, 1)};
  const Tensor& x = activations(shape.input);
  const Tensor& y = activations(shape.output());
  const Tensor& w = others(shape.weights());
  nn::conv_forward(stream(), shape, x, w, {}, y);
  nn::conv_backward_data(stream(), shape, y, w, x);
  expect("conv_halo_forward", {}, {1, 1.6, 1, 1}, {});
  expect("conv_halo_backward_data", {}, {1, 1.6, 1, 1}, {});
}

TEST_P(HotAccesses, BatchNorm) {
  const nn::BatchNormShape shape{{2, 16, 16, width.channels}, nn::Activation::relu};
  const Tensor& x = activations(shape.input);
  const Tensor& y = activations(shape.input);
  const auto channels = [&]() -> const Tensor& { return others(shape.channels()); };
  const Tensor &gamma = channels(), &beta = channels(), &mean = channels(), &var = channels();
  nn::batchnorm_forward(stream(), shape,
                        {.x = x,
                         .gamma = gamma,
                         .beta = beta,
                         .running_mean = channels(),
                         .running_var = channels(),
                         .saved_mean = mean,
                         .saved_var = var,
                         .y = y});
  nn::batchnorm_backward(stream(), shape,
                         {.x = x,
                          .dy = y,
                          .gamma = gamma,
                          .beta = beta,
                          .mean = mean,
                          .var = var,
                          .dx = y,
                          .dgamma = channels(),
                          .dbeta = channels()});
  // Each thread reads the pivots of its channels once.
  expect("batchnorm: moments", {.loads = 1.6, .shared_loads = 1.1});
  expect("batchnorm: normalising", {});
  expect("batchnorm: gradient sums", {.shared_loads = 2.1, .shared_stores = 2});  // pairs
  expect("batchnorm: input gradient", {});
}

TEST_P(HotAccesses, ElementwiseAtAnyWidth) {
  const Shape shape{2, 16, 16, width.channels};
  const Tensor& x = activations(shape);
  const Tensor& y = activations(shape);
  nn::add_forward(stream(), nn::Activation::relu, x, y, y);
  nn::activation_forward(stream(), nn::Activation::hard_swish, x, y);
  nn::activation_backward(stream(), nn::Activation::hard_swish, x, y, y);
  expect("add_forward", {});
  expect("activation_", {});
}

TEST_P(HotAccesses, Int8) {
  if (width.dtype != DType::bf16) GTEST_SKIP() << "once is enough";
  const std::int64_t c = width.channels;
  const nn::ConvShape shape{{2, 8, 8, c}, c, nn::Window::same(8, 8, 3, 3, 1, 1)};
  const nn::DepthwiseShape depthwise{shape.input, shape.window};
  const Tensor& x = activations(shape.input, DType::i8);
  const Tensor& y = activations(shape.output(), DType::i8);
  const Tensor &b = words(c, 3), &multipliers = words(c, 1 << 30), &shifts = words(c, -5);
  const auto layer = [&](const Shape& weights) -> int8::Int8LayerTensors {
    return {.x = x,
            .w = others(weights, DType::i8),
            .b = b,
            .multipliers = multipliers,
            .shifts = shifts,
            .y = y};
  };
  int8::int8_conv(stream(), shape, {}, layer(shape.weights()));
  int8::int8_depthwise(stream(), depthwise, {}, layer(depthwise.weights()));
  int8::int8_add(stream(), int8::add_parameters({1, 0}, {1, 0}, {2, 0}), x, x, y);
  const Claim odd_conv{12, 5, 1, 2}, odd_depthwise{6.5, 7.3, 1, 1};
  expect("int8_conv", {.shared_stores = 2}, odd_conv, odd_conv);
  expect("int8_depthwise", {}, odd_depthwise, odd_depthwise);
  expect("int8_add", {});
}

INSTANTIATE_TEST_SUITE_P(Widths, HotAccesses,
                         testing::Values(Width{96, DType::bf16}, Width{96, DType::f32},
                                         Width{37, DType::bf16}, Width{37, DType::f32}),
                         [](const auto& each) {
                           return std::to_string(each.param.channels) + name_of(each.param.dtype);
                         });

}  // namespace
}  // namespace paretiny
