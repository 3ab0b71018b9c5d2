// Convolutions of 3x3 taps and stride 1 as GPU kernels cut them into tiles (conv_halo.cu): each
// width of a slice of channels, rectangles of every form, several images a tile, tiles that hang
// over. On a GPU and its twin by both of our kernels.
#include <cstdlib>

#include "kernels/nn/conv.h"
#include "tests/support/fusion.h"
#include "tests/support/libraries.h"

namespace paretiny::test {
namespace {

using nn::ConvShape;
using nn::Window;

Window same(std::int64_t height, std::int64_t width) {
  return Window::same(height, width, 3, 3, 1, 1);
}

/// Channels in are those of a slice in the data gradient.
std::vector<ConvShape> shapes() {
  return {
      {{8, 8, 8, 16}, 16, same(8, 8)},                 // eight images a tile
      {{11, 7, 8, 13}, 27, same(7, 8)},                // and a rest, odd channels
      {{1, 21, 31, 40}, 43, same(21, 31)},             // tiles one over the other
      {{1, 16, 40, 3}, 48, same(16, 40)},              // side by side, a picture's channels
      {{2, 10, 13, 20}, 64, same(10, 13)},             // one image a tile
      {{5, 8, 7, 8}, 72, same(8, 7)},                  // four
      {{4, 8, 8, 104}, 97, same(8, 8)},                // two slices
      {{4, 12, 15, 9}, 11, {3, 3, 1, 1, 0, 2, 1, 0}},  // uneven padding
      {{2, 17, 18, 24}, 50, {3, 3, 1, 1, 0, 0, 0, 0}},
      {{1, 13, 29, 7}, 33, {3, 3, 1, 1, 2, 2, 2, 2}},
  };
}

/// What convolutions are computed by while it lives, where that is not the CPU; more choices may
/// follow, "halo,conv_input=read_through".
class ConvVariant {
 public:
  explicit ConvVariant(const std::string& name) {
    const std::string way = name.substr(0, name.find(','));
    const std::string both = "conv_backward_data=" + way + ",conv_forward=" + name;
    setenv("PARETINY_CUDA_VARIANTS", both.c_str(), 1);
  }
  ~ConvVariant() { unsetenv("PARETINY_CUDA_VARIANTS"); }
  ConvVariant(const ConvVariant&) = delete;
  ConvVariant& operator=(const ConvVariant&) = delete;
};

TEST(ConvHalo, AgreesWithDirectLoops) {
  std::uint64_t seed = 0;
  for (const char* name : {"halo", "gather"}) {
    const ConvVariant variant(name);
    for (const ConvShape& shape : shapes()) {
      SCOPED_TRACE(name);
      const auto stream = test_stream();
      ConvolutionOps ops = conv_ops(*stream, shape);
      if (test_device().kind == DeviceKind::cuda) ops.weights_tolerance = 0x1p-8;
      expect_convolution(*stream, ops, {shape.input, shape.out_channels, shape.window}, DType::bf16,
                         seed += 10);
    }
    if (test_device().kind == DeviceKind::cpu) return;
  }
}

TEST(ConvHalo, TakesWeightsInBf16) {
  std::uint64_t seed = 2000;
  for (const char* name : {"cudnn", "halo", "gather"}) {
    const ConvVariant variant(name);
    for (const ConvShape& shape :
         {shapes()[0], shapes()[1], ConvShape{{2, 9, 7, 16}, 13, Window::same(9, 7, 3, 3, 2, 2)}}) {
      SCOPED_TRACE(name);
      const auto stream = test_stream();
      expect_bf16_weights(*stream, conv_ops(*stream, shape), seed += 10);
    }
    if (test_device().kind == DeviceKind::cpu) return;
  }
}

TEST(ConvHalo, GivesStatisticsOfWhatItStores) {
  std::uint64_t seed = 1000;
  for (const char* name : {"halo", "gather"}) {
    const ConvVariant variant(name);
    for (const ConvShape& shape : shapes()) {
      for (const DType dtype : {DType::bf16, DType::f32}) {
        SCOPED_TRACE(std::string(name) + " " + to_string(shape.input) + " " + name_of(dtype));
        const auto stream = test_stream();
        stream->scratch().reserve(nn::conv_scratch_bytes(*stream, shape, dtype));
        const std::size_t reserved = stream->scratch().capacity();
        const Tensor x = Tensor::random(*stream, dtype, shape.input, seed += 10);
        const Tensor w = Tensor::random(*stream, DType::f32, shape.weights(), seed + 1);
        // A mean that is large beside the deviations.
        const Tensor b(*stream, DType::f32, {1, 1, 1, shape.out_channels},
                       std::vector<double>(static_cast<std::size_t>(shape.out_channels), 30));
        const Tensor y(*stream, dtype, shape.output()), expected(*stream, dtype, shape.output());
        const RandomEpilogue statistics(*stream, {.statistics = true}, shape.output(), dtype, seed);
        const nn::Epilogue epilogue = statistics.epilogue();
        nn::conv_forward_fused(*stream, shape,
                               {.x = x, .w = w, .b = b, .y = y, .epilogue = epilogue});
        statistics.expect_statistics(y);
        nn::conv_forward(*stream, shape, x, w, b, expected);
        EXPECT_EQ(y.bytes(), expected.bytes());
        if (fuses_layers(stream->device())) {
          EXPECT_LE(stream->scratch().peak(), reserved);
        }
      }
    }
    if (test_device().kind == DeviceKind::cpu) return;
  }
}

/// What comes before it by each of our kernels, and with channels that fill no packs.
TEST(ConvHalo, ReadsThroughWhatComesBeforeIt) {
  std::uint64_t seed = 3000;
  std::vector<Fusion> prologues;
  for (Fusion fusion : fusions()) {
    fusion.epilogue = {.statistics = fusion.prologue.affine};
    prologues.push_back(fusion);
  }
  for (const char* name : {"halo", "gather", "cudnn"}) {
    const ConvVariant variant(std::string(name) + ",conv_input=read_through");
    for (const ConvShape& shape : shapes()) {
      const bool all = shape == shapes()[0], odd = shape == shapes()[1];
      if (std::string(name) != "halo" && !all && !odd) continue;
      for (const DType dtype : {DType::bf16, DType::f32}) {
        if (dtype == DType::f32 && !all && !odd) continue;
        for (const Fusion& fusion : all ? prologues : std::vector<Fusion>{prologues.back()}) {
          SCOPED_TRACE(name);
          const auto stream = test_stream();
          expect_fused_convolution(
              *stream,
              {[&](ConstView x, ConstView w, ConstView b, View y, const nn::Prologue& prologue,
                   const nn::Epilogue& epilogue) {
                 nn::conv_forward_fused(
                     *stream, shape,
                     {.x = x, .w = w, .b = b, .y = y, .prologue = prologue, .epilogue = epilogue});
               },
               [&](ConstView x, ConstView dy, View dw, View db, const nn::Prologue& prologue) {
                 nn::conv_backward_weights_fused(
                     *stream, shape, {.x = x, .dy = dy, .dw = dw, .db = db, .prologue = prologue});
               },
               [&](DType type) { return nn::conv_scratch_bytes(*stream, shape, type); },
               shape.input, shape.weights(), shape.output()},
              {shape.input, shape.out_channels, shape.window}, fusion, dtype, seed += 10);
        }
      }
    }
    if (test_device().kind == DeviceKind::cpu) return;
  }
}

TEST(ConvHalo, SaysWhereItReadsThrough) {
  const auto stream = test_stream();
  const ConvShape whole{{8, 8, 8, 16}, 16, same(8, 8)}, odd{{8, 8, 8, 13}, 16, same(8, 8)},
      strided{{8, 8, 8, 16}, 16, Window::same(8, 8, 3, 3, 2, 2)};
  EXPECT_FALSE(nn::conv_reads_through(*stream, whole, DType::bf16)) << "the table's choice";
  const ConvVariant variant("halo,conv_input=read_through");
  const bool gpu = test_device().kind == DeviceKind::cuda;
  EXPECT_EQ(nn::conv_reads_through(*stream, whole, DType::bf16), gpu);
  EXPECT_FALSE(nn::conv_reads_through(*stream, whole, DType::f32));
  EXPECT_FALSE(nn::conv_reads_through(*stream, odd, DType::bf16));
  EXPECT_FALSE(nn::conv_reads_through(*stream, strided, DType::bf16));
}

TEST(ConvHalo, TakesNothingElseOfAnEpilogue) {
  const auto stream = test_stream();
  const ConvShape shape{{1, 5, 5, 2}, 3, same(5, 5)};
  const Tensor x(*stream, DType::f32, shape.input), w(*stream, DType::f32, shape.weights());
  const Tensor y(*stream, DType::f32, shape.output());
  nn::Epilogue clamped;
  clamped.activation = nn::Activation::relu;
  EXPECT_THROW(
      nn::conv_forward_fused(*stream, shape, {.x = x, .w = w, .y = y, .epilogue = clamped}),
      UsageError);
}

TEST(ConvHalo, RefusesStatisticsThatDoNotFit) {
  const auto stream = test_stream();
  const ConvShape shape{{1, 5, 5, 2}, 3, same(5, 5)};
  const Tensor x(*stream, DType::f32, shape.input), w(*stream, DType::f32, shape.weights());
  const Tensor y(*stream, DType::f32, shape.output());
  const Tensor mean(*stream, DType::f32, {1, 1, 1, 3}), wide(*stream, DType::f32, {1, 1, 1, 4});
  const auto with = [&](View m, View v) {
    nn::Epilogue statistics;
    statistics.mean = m;
    statistics.variance = v;
    nn::conv_forward_fused(*stream, shape, {.x = x, .w = w, .y = y, .epilogue = statistics});
  };
  const Tensor variance(*stream, DType::f32, {1, 1, 1, 3});
  EXPECT_NO_THROW(with(mean, variance));
  EXPECT_THROW(with(mean, wide), UsageError);
  EXPECT_THROW(with(wide, variance), UsageError);
  EXPECT_THROW(with(View{}, variance), UsageError);
  EXPECT_THROW(with(mean, View{}), UsageError);
}

}  // namespace
}  // namespace paretiny::test
