// What the tests of dense, pointwise and depthwise convolutions share: the judge (direct loops in
// double precision) and the checks that every one of them must pass.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "kernels/nn/conv.h"
#include "kernels/nn/preferences.h"
#include "kernels/nn/window.h"
#include "tests/support/kernels.h"

namespace paretiny::test {

/// Dense (groups = 1, weights [out, kh, kw, in]) or depthwise (groups = channels, weights
/// [kh, kw, channels]) convolution.
struct ConvolutionJudge {
  Shape input;
  std::int64_t out_channels;
  nn::Window window;
  bool depthwise = false;

  std::vector<double> forward(const std::vector<double>& x, const std::vector<double>& w,
                              const std::vector<double>& b) const {
    std::vector<double> y(outputs());
    for (std::size_t i = 0; i < y.size(); ++i) {
      y[i] = b.empty() ? 0 : b[i % static_cast<std::size_t>(out_channels)];
    }
    each([&](std::size_t in, std::size_t weight, std::size_t out) { y[out] += x[in] * w[weight]; });
    return y;
  }

  std::vector<double> backward_data(const std::vector<double>& dy,
                                    const std::vector<double>& w) const {
    std::vector<double> dx(static_cast<std::size_t>(input.elements()));
    each([&](std::size_t in, std::size_t weight, std::size_t out) {
      dx[in] += dy[out] * w[weight];
    });
    return dx;
  }

  std::vector<double> backward_weights(const std::vector<double>& x,
                                       const std::vector<double>& dy) const {
    const std::int64_t kernel = window.kernel_h * window.kernel_w * input.c;
    std::vector<double> dw(static_cast<std::size_t>(depthwise ? kernel : kernel * out_channels));
    each([&](std::size_t in, std::size_t weight, std::size_t out) {
      dw[weight] += x[in] * dy[out];
    });
    return dw;
  }

  std::vector<double> backward_bias(const std::vector<double>& dy) const {
    std::vector<double> db(static_cast<std::size_t>(out_channels));
    for (std::size_t i = 0; i < dy.size(); ++i) db[i % db.size()] += dy[i];
    return db;
  }

 private:
  std::size_t outputs() const {
    return static_cast<std::size_t>(input.n * window.out_h(input.h) * window.out_w(input.w) *
                                    out_channels);
  }

  /// Calls f(index in x, index in w, index in y) for every product.
  template <class F>
  void each(F f) const {
    const std::int64_t out_h = window.out_h(input.h);
    const std::int64_t out_w = window.out_w(input.w);
    const std::int64_t per_out = depthwise ? 1 : input.c;
    const auto index = [](std::int64_t i) { return static_cast<std::size_t>(i); };
    for (std::int64_t n = 0; n < input.n; ++n) {
      for (std::int64_t oy = 0; oy < out_h; ++oy) {
        for (std::int64_t ox = 0; ox < out_w; ++ox) {
          for (std::int64_t ky = 0; ky < window.kernel_h; ++ky) {
            for (std::int64_t kx = 0; kx < window.kernel_w; ++kx) {
              const std::int64_t iy = oy * window.stride_h + ky - window.top;
              const std::int64_t ix = ox * window.stride_w + kx - window.left;
              if (iy < 0 || iy >= input.h || ix < 0 || ix >= input.w) continue;
              for (std::int64_t o = 0; o < out_channels; ++o) {
                for (std::int64_t c = 0; c < per_out; ++c) {
                  const std::int64_t in = depthwise ? o : c;
                  const std::int64_t tap = ky * window.kernel_w + kx;
                  const std::int64_t weight =
                      depthwise ? tap * input.c + o
                                : (o * window.kernel_h * window.kernel_w + tap) * input.c + c;
                  f(index(((n * input.h + iy) * input.w + ix) * input.c + in), index(weight),
                    index(((n * out_h + oy) * out_w + ox) * out_channels + o));
                }
              }
            }
          }
        }
      }
    }
  }
};

/// The ops under test, with their shape bound.
struct ConvolutionOps {
  std::function<void(ConstView x, ConstView w, ConstView b, View y)> forward;
  std::function<void(ConstView dy, ConstView w, View dx)> backward_data;
  std::function<void(ConstView x, ConstView dy, View dw, View db)> backward_weights;
  std::function<std::size_t(DType)> scratch_bytes;
  Shape input, weights, output;
  double weights_tolerance = 1e-5;  ///< of dw, relative to its largest value

  Shape bias() const { return {1, 1, 1, output.c}; }
};

/// Of a dense convolution.
inline ConvolutionOps conv_ops(Stream& stream, const nn::ConvShape& shape) {
  return {[&stream, shape](ConstView x, ConstView w, ConstView b, View y) {
            nn::conv_forward(stream, shape, x, w, b, y);
          },
          [&stream, shape](ConstView dy, ConstView w, View dx) {
            nn::conv_backward_data(stream, shape, dy, w, dx);
          },
          [&stream, shape](ConstView x, ConstView dy, View dw, View db) {
            nn::conv_backward_weights(stream, shape, x, dy, dw, db);
          },
          [&stream, shape](DType dtype) { return nn::conv_scratch_bytes(stream, shape, dtype); },
          shape.input,
          shape.weights(),
          shape.output()};
}

/// Values against the judge, with and without bias; scratch within what was announced; a second run
/// equal bit by bit. Relative to the largest value of a tensor: f32 within 1e-5; bf16 results
/// within 2^-7 (weights and result are rounded to 2^-9), their weight gradients, summed in f32,
/// weights_tolerance.
inline void expect_convolution(Stream& stream, const ConvolutionOps& ops,
                               const ConvolutionJudge& judge, DType dtype, std::uint64_t seed) {
  SCOPED_TRACE("input " + to_string(ops.input) + ", weights " + to_string(ops.weights) + ", " +
               name_of(dtype));
  const Tensor x = Tensor::random(stream, dtype, ops.input, seed);
  const Tensor w = Tensor::random(stream, DType::f32, ops.weights, seed + 1);
  const Tensor b = Tensor::random(stream, DType::f32, ops.bias(), seed + 2);
  const Tensor dy = Tensor::random(stream, dtype, ops.output, seed + 3);
  const Tensor y(stream, dtype, ops.output);
  const Tensor dx(stream, dtype, ops.input);
  const Tensor dw(stream, DType::f32, ops.weights);
  const Tensor db(stream, DType::f32, ops.bias());
  const auto expect = [&](const Tensor& actual, const std::vector<double>& expected,
                          const char* name, double f32_tolerance = 1e-5) {
    const double relative = actual.dtype() == DType::bf16 ? 0x1p-7 : f32_tolerance;
    expect_near(actual, expected, relative * max_abs(expected), name);
  };
  stream.scratch().reserve(ops.scratch_bytes(dtype));
  const std::size_t reserved = stream.scratch().capacity();

  ops.forward(x, w, b, y);
  expect(y, judge.forward(x.values(), w.values(), b.values()), "y");
  const auto first_y = y.bytes();
  ops.forward(x, w, ConstView{}, y);
  expect(y, judge.forward(x.values(), w.values(), {}), "y without bias");
  ops.forward(x, w, b, y);
  EXPECT_EQ(y.bytes(), first_y);

  ops.backward_data(dy, w, dx);
  expect(dx, judge.backward_data(dy.values(), w.values()), "dx");
  const auto first_dx = dx.bytes();
  ops.backward_data(dy, w, dx);
  EXPECT_EQ(dx.bytes(), first_dx);

  ops.backward_weights(x, dy, dw, View{});
  const std::vector<double> exact_dw = judge.backward_weights(x.values(), dy.values());
  expect(dw, exact_dw, "dw without db", ops.weights_tolerance);
  ops.backward_weights(x, dy, dw, db);
  expect(dw, exact_dw, "dw", ops.weights_tolerance);
  expect(db, judge.backward_bias(dy.values()), "db");
  const auto first_dw = dw.bytes();
  const auto first_db = db.bytes();
  ops.backward_weights(x, dy, dw, db);
  EXPECT_EQ(dw.bytes(), first_dw);
  EXPECT_EQ(db.bytes(), first_db);

  EXPECT_LE(stream.scratch().peak(), reserved);
}

/// Weights that come in bf16 give what the op makes of the same in f32, bit by bit; a device that
/// does not ask for them refuses them.
inline void expect_bf16_weights(Stream& stream, const ConvolutionOps& ops, std::uint64_t seed) {
  SCOPED_TRACE("input " + to_string(ops.input) + ", weights " + to_string(ops.weights));
  const Tensor x = Tensor::random(stream, DType::bf16, ops.input, seed);
  const Tensor w = Tensor::random(stream, DType::f32, ops.weights, seed + 1);
  const Tensor dy = Tensor::random(stream, DType::bf16, ops.output, seed + 2);
  const Tensor narrow(stream, DType::bf16, ops.weights, w.values());
  const Tensor y(stream, DType::bf16, ops.output), dx(stream, DType::bf16, ops.input);
  const Tensor wide_x(stream, DType::f32, ops.input), wide_y(stream, DType::f32, ops.output);
  EXPECT_THROW(ops.forward(wide_x, narrow, ConstView{}, wide_y), UsageError);
  EXPECT_THROW(ops.backward_data(wide_y, narrow, wide_x), UsageError);
  if (!nn::preferences(stream, DType::bf16).bf16_weights) {
    EXPECT_THROW(ops.forward(x, narrow, ConstView{}, y), UsageError);
    EXPECT_THROW(ops.backward_data(dy, narrow, dx), UsageError);
    return;
  }
  ops.forward(x, w, ConstView{}, y);
  ops.backward_data(dy, w, dx);
  const auto wanted_y = y.bytes(), wanted_dx = dx.bytes();
  const Tensor shifted = narrow.unaligned();
  for (const Tensor* cast : {&narrow, &shifted}) {
    const Tensor own_y(stream, DType::bf16, ops.output), own_dx(stream, DType::bf16, ops.input);
    ops.forward(x, *cast, ConstView{}, own_y);
    EXPECT_EQ(own_y.bytes(), wanted_y);
    ops.backward_data(dy, *cast, own_dx);
    EXPECT_EQ(own_dx.bytes(), wanted_dx);
  }
}

/// Gradients in f32 against central differences. The ops are linear in each argument, so that a
/// step of 1 is exact but for rounding.
inline void expect_convolution_gradients(Stream& stream, const ConvolutionOps& ops) {
  Tensor x = Tensor::random(stream, DType::f32, ops.input, 1);
  Tensor w = Tensor::random(stream, DType::f32, ops.weights, 2);
  Tensor b = Tensor::random(stream, DType::f32, ops.bias(), 3);
  const Tensor dy = Tensor::random(stream, DType::f32, ops.output, 4);
  const Tensor y(stream, DType::f32, ops.output);
  const Tensor dx(stream, DType::f32, ops.input);
  const Tensor dw(stream, DType::f32, ops.weights);
  const Tensor db(stream, DType::f32, ops.bias());
  ops.backward_data(dy, w, dx);
  ops.backward_weights(x, dy, dw, db);
  const auto loss = [&] {
    ops.forward(x, w, b, y);
    return dot(y.values(), dy.values());
  };
  const double tolerance = 1e-4;
  expect_gradient(loss, x, dx.values(), 1, tolerance * max_abs(dx.values()), "dx");
  expect_gradient(loss, w, dw.values(), 1, tolerance * max_abs(dw.values()), "dw");
  expect_gradient(loss, b, db.values(), 1, tolerance * max_abs(db.values()), "db");
}

/// A case of the reference vectors, outputs to its tolerance.
inline void expect_reference(Stream& stream, const ConvolutionOps& ops,
                             const ReferenceCase& reference) {
  const bool bias = reference.has_input("b");
  const Tensor x = reference.input(stream, "x");
  const Tensor w = reference.input(stream, "w");
  const Tensor b = bias ? reference.input(stream, "b") : Tensor(stream, DType::f32, ops.bias());
  const Tensor dy = reference.input(stream, "dy");
  const Tensor y(stream, DType::f32, ops.output);
  const Tensor dx(stream, DType::f32, ops.input);
  const Tensor dw(stream, DType::f32, ops.weights);
  const Tensor db(stream, DType::f32, ops.bias());
  ops.forward(x, w, bias ? ConstView(b) : ConstView{}, y);
  ops.backward_data(dy, w, dx);
  ops.backward_weights(x, dy, dw, bias ? View(db) : View{});
  reference.expect(y, "y");
  reference.expect(dx, "dx");
  reference.expect(dw, "dw");
  reference.expect(db, "db");
}

/// The window that a case's attributes describe.
inline nn::Window window_of(const ReferenceCase& reference) {
  const auto numbers = [&](const char* key) {
    return reference.attributes().at(key).get<std::vector<std::int64_t>>();
  };
  const auto kernel = numbers("kernel");
  const auto stride = numbers("stride");
  const auto padding = numbers("padding");
  return {kernel[0],  kernel[1],  stride[0],  stride[1],
          padding[0], padding[1], padding[2], padding[3]};
}

}  // namespace paretiny::test
