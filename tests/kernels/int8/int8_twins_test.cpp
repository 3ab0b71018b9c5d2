// A device's int8 operators against the CPU's, byte by byte: random shapes, rows of channels that
// can and cannot be read in words, addresses that are not aligned.
#include <map>

#include "int8_vectors.h"
#include "kernels/core/random.h"
#include "tests/support/kernels.h"

namespace paretiny::int8 {
namespace {

class Int8Twins : public testing::Test {
 protected:
  void SetUp() override {
    if (test::test_device().kind == DeviceKind::cpu) GTEST_SKIP() << "the CPU is the measure";
    cpu_ = test::cpu_stream();
    device_ = test::test_stream();
  }

  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low +
           static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(high - low + 1)));
  }

  Bytes bytes(const Shape& shape, int low = -128, int high = 127) {
    Bytes values(static_cast<std::size_t>(shape.elements()));
    for (std::int8_t& q : values) q = static_cast<std::int8_t>(between(low, high));
    return values;
  }

  /// Channels that are read 16, 4 and 1 at a time.
  std::int64_t channels() {
    const std::int64_t unit = std::int64_t{1} << 2 * between(0, 2);
    return unit * between(1, unit == 16 ? 3 : 9);
  }
  Shape shape() { return {between(1, 3), between(1, 7), between(1, 9), channels()}; }

  /// A window that fits, whose padding is smaller than the kernel.
  nn::Window window(const Shape& in) {
    nn::Window w{between(1, 5), between(1, 5), between(1, 2), between(1, 2)};
    w.top = between(0, w.kernel_h - 1);
    w.left = between(0, w.kernel_w - 1);
    w.bottom = std::max(between(0, w.kernel_h - 1), w.kernel_h - in.h - w.top);
    w.right = std::max(between(0, w.kernel_w - 1), w.kernel_w - in.w - w.left);
    if (w.bottom >= w.kernel_h || w.right >= w.kernel_w) return {};
    return w;
  }

  /// Elements on both devices, `shift` bytes into their memory.
  class Operand {
   public:
    template <class T>
    Operand(const Int8Twins& test, const std::vector<T>& values, const Shape& shape, int shift = 0)
        : dtype_(dtype_of<T>()), shape_(shape), shift_(static_cast<std::size_t>(shift)) {
      for (Stream* stream : {test.cpu_.get(), test.device_.get()}) {
        Buffer& buffer = buffers_[stream->device().kind];
        buffer = Buffer(stream->device(), values.size() * sizeof(T) + shift_);
        stream->upload(on(*stream).data, values.data(), values.size() * sizeof(T));
      }
    }
    View on(Stream& stream) const {
      return buffers_.at(stream.device().kind).at(shift_, dtype_, shape_);
    }

   private:
    DType dtype_;
    Shape shape_;
    std::size_t shift_;
    std::map<DeviceKind, Buffer> buffers_;
  };

  /// Runs on both and compares the outputs and 16 bytes on each side of them.
  template <class Run>
  void expect_equal(const Shape& y, int shift, const Run& run) {
    constexpr std::int64_t guard = 16;
    const Shape whole{1, 1, 1, y.elements() + 2 * guard};
    const Operand output(*this, Bytes(static_cast<std::size_t>(whole.c), 0x55), whole, shift);
    std::vector<Bytes> results;
    for (Stream* stream : {cpu_.get(), device_.get()}) {
      const View all = output.on(*stream);
      run(*stream, paretiny::view(all.as<std::int8_t>() + guard, DType::i8, y));
      results.emplace_back(static_cast<std::size_t>(whole.c));
      stream->download(results.back().data(), all.data, all.bytes());
    }
    EXPECT_EQ(results[0], results[1]) << to_string(y);
  }

  Int8Range range() {
    const auto low = static_cast<std::int32_t>(between(-128, 0));
    return {low, static_cast<std::int32_t>(between(low, 127))};
  }
  Quantization quantization() {
    return {static_cast<float>(random_.uniform(0.01, 0.2)),
            static_cast<std::int32_t>(between(-128, 127))};
  }

  /// What a layer of `channels` outputs, each the sum of `taps` products, is rescaled with.
  struct Layer {
    Layer(Int8Twins& test, std::int64_t channels, std::int64_t taps) {
      const double size = 5000.0 * std::sqrt(static_cast<double>(taps));
      for (std::int64_t c = 0; c < channels; ++c) {
        bias.push_back(static_cast<std::int32_t>(test.random_.uniform(-1, 1) * size));
        const double scale = test.random_.uniform(20, 300) / size;
        multipliers.push_back(quantize_multiplier(scale).multiplier);
        shifts.push_back(quantize_multiplier(scale).shift);
      }
      biased = test.between(0, 3) > 0;
      parameters = {static_cast<std::int32_t>(test.between(-128, 127)),
                    static_cast<std::int32_t>(test.between(-128, 127)), test.range()};
    }
    Words bias, multipliers, shifts;
    bool biased;
    Int8LayerParameters parameters;
  };

  template <class Op, class OpShape>
  void expect_layer(Op op, const OpShape& shape, std::int64_t taps, int shift) {
    SCOPED_TRACE(to_string(shape.input) + " to " + to_string(shape.output()) + ", weights " +
                 to_string(shape.weights()) + ", shift " + std::to_string(shift));
    const Shape of_channels{1, 1, 1, shape.output().c};
    const Layer layer(*this, of_channels.c, taps);
    const Operand x(*this, bytes(shape.input), shape.input, shift);
    const Operand w(*this, bytes(shape.weights(), -127), shape.weights(), shift);
    const Operand b(*this, layer.bias, of_channels);
    const Operand multipliers(*this, layer.multipliers, of_channels);
    const Operand shifts(*this, layer.shifts, of_channels);
    expect_equal(shape.output(), shift, [&](Stream& stream, View y) {
      op(stream, shape, layer.parameters,
         {.x = x.on(stream),
          .w = w.on(stream),
          .b = layer.biased ? b.on(stream) : ConstView{},
          .multipliers = multipliers.on(stream),
          .shifts = shifts.on(stream),
          .y = y});
    });
  }

  std::unique_ptr<Stream> cpu_, device_;
  Random random_{11, "int8 twins"};
};

TEST_F(Int8Twins, Conv) {
  for (int i = 0; i < 40; ++i) {
    const Shape in = shape();
    const nn::ConvShape conv{in, i % 2 == 0 ? between(1, 70) : channels(), window(in)};
    expect_layer(int8_conv, conv, conv.weights().elements() / conv.out_channels, i % 5 == 4);
  }
}

TEST_F(Int8Twins, ConvOverSeveralTiles) {
  // More pixels and more channels than a tile of either kind.
  const nn::Window same = nn::Window::same(17, 18, 3, 3, 1, 1);
  expect_layer(int8_conv, nn::ConvShape{{1, 17, 18, 16}, 37, same}, 144, 0);
  expect_layer(int8_conv, nn::ConvShape{{1, 17, 18, 3}, 130, same}, 27, 0);
  expect_layer(int8_conv, nn::ConvShape{{2, 1, 150, 20}, 64, {1, 5, 1, 1, 0, 2, 0, 2}}, 100, 0);
}

TEST_F(Int8Twins, Depthwise) {
  for (int i = 0; i < 40; ++i) {
    const Shape in = shape();
    const nn::DepthwiseShape depthwise{in, window(in)};
    expect_layer(int8_depthwise, depthwise, depthwise.window.kernel_h * depthwise.window.kernel_w,
                 i % 5 == 4);
  }
  // Most of a large window lies outside.
  expect_layer(int8_depthwise, nn::DepthwiseShape{{2, 1, 40, 32}, {1, 31, 1, 3, 0, 15, 0, 15}}, 31,
               0);
  expect_layer(int8_depthwise, nn::DepthwiseShape{{1, 3, 3, 4}, {7, 7, 1, 1, 3, 3, 3, 3}}, 49, 4);
}

TEST_F(Int8Twins, FullyConnected) {
  for (int i = 0; i < 12; ++i) {
    const nn::FullyConnectedShape layer{shape(), between(1, 90)};
    expect_layer(int8_fully_connected, layer, layer.in_features(), i % 4 == 3);
  }
}

TEST_F(Int8Twins, AddAndMul) {
  for (int i = 0; i < 40; ++i) {
    const Shape all = shape();
    Shape repeated = all;
    for (std::int64_t* extent : {&repeated.n, &repeated.h, &repeated.w, &repeated.c}) {
      if (i % 3 != 0 && between(0, 1) == 0) *extent = 1;
    }
    SCOPED_TRACE(to_string(all) + " and " + to_string(repeated));
    const int shift = i % 5 == 4;
    const Operand a(*this, bytes(all), all, shift), b(*this, bytes(repeated), repeated, shift);
    const Int8AddParameters sum = add_parameters(quantization(), quantization(), quantization());
    const Int8MulParameters product =
        mul_parameters(quantization(), quantization(), quantization(), nn::Activation::relu);
    expect_equal(all, shift, [&](Stream& stream, View y) {
      int8_add(stream, sum, a.on(stream), b.on(stream), y);
    });
    expect_equal(all, shift, [&](Stream& stream, View y) {
      int8_mul(stream, product, a.on(stream), b.on(stream), y);
    });
  }
}

TEST_F(Int8Twins, LookupAndQuantize) {
  for (int i = 0; i < 12; ++i) {
    const Shape all = shape();
    const int shift = i % 4 == 3 ? 4 : 0;
    const Operand x(*this, bytes(all), all, shift);
    const Operand table(*this, bytes({1, 1, 1, 256}), {1, 1, 1, 256});
    expect_equal(all, shift, [&](Stream& stream, View y) {
      int8_lookup(stream, x.on(stream), table.on(stream), y);
    });
    const Quantization output = quantization();
    std::vector<float> reals;
    for (std::int64_t k = 0; k < all.elements(); ++k) {
      // Every other one halfway between two steps.
      reals.push_back(k % 2 == 0 ? static_cast<float>(15 * random_.normal())
                                 : output.scale * (static_cast<float>(k % 200 - 100) + 0.5f));
    }
    reals.front() = NAN;
    const Operand real(*this, reals, all, shift);
    expect_equal(all, shift, [&](Stream& stream, View y) {
      int8_quantize(stream, output, real.on(stream), y);
    });
  }
}

TEST_F(Int8Twins, PoolsAndMean) {
  for (int i = 0; i < 30; ++i) {
    const nn::PoolShape pool{shape(), {}};
    const nn::PoolShape windowed{pool.input, window(pool.input)};
    const int shift = i % 5 == 4;
    SCOPED_TRACE(to_string(pool.input));
    const Operand x(*this, bytes(pool.input), pool.input, shift);
    const Int8Range limits = range();
    for (const auto op : {int8_average_pool, int8_max_pool}) {
      expect_equal(windowed.output(), shift,
                   [&](Stream& stream, View y) { op(stream, windowed, limits, x.on(stream), y); });
    }
    const Int8MeanParameters mean =
        mean_parameters(quantization(), quantization(), pool.input.h * pool.input.w);
    expect_equal({pool.input.n, 1, 1, pool.input.c}, shift,
                 [&](Stream& stream, View y) { int8_mean(stream, mean, x.on(stream), y); });
  }
}

TEST_F(Int8Twins, Softmax) {
  for (const std::int64_t classes : {1, 2, 10, 31, 32, 33, 100, 700}) {
    const Shape all{5, 1, 1, classes};
    const Operand x(*this, bytes(all), all);
    // Rows of equals: of 512 and more, every share is less than half a step.
    const Operand equals(*this, Bytes(static_cast<std::size_t>(all.elements()), 7), all);
    const Int8SoftmaxParameters parameters =
        softmax_parameters(static_cast<float>(random_.uniform(0.01, 0.3)));
    for (const Operand* rows : {&x, &equals}) {
      expect_equal(all, 0, [&](Stream& stream, View y) {
        int8_softmax(stream, parameters, rows->on(stream), y);
      });
    }
  }
}

}  // namespace
}  // namespace paretiny::int8
