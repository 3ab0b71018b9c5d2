#include "kernels/nn/pool.h"

#include "tests/support/convolution.h"
#include "tests/support/threads.h"

namespace paretiny::test {

using nn::PoolShape;

namespace {

/// Calls f(index in y, indices in x of the window's elements, row by row).
template <class F>
void each_window(const PoolShape& shape, F f) {
  const Shape &in = shape.input, out = shape.output();
  const nn::Window& window = shape.window;
  std::size_t index = 0;
  for (std::int64_t n = 0; n < out.n; ++n) {
    for (std::int64_t oh = 0; oh < out.h; ++oh) {
      for (std::int64_t ow = 0; ow < out.w; ++ow) {
        for (std::int64_t c = 0; c < out.c; ++c, ++index) {
          std::vector<std::size_t> held;
          for (std::int64_t kh = 0; kh < window.kernel_h; ++kh) {
            for (std::int64_t kw = 0; kw < window.kernel_w; ++kw) {
              const std::int64_t h = oh * window.stride_h + kh - window.top;
              const std::int64_t w = ow * window.stride_w + kw - window.left;
              if (h < 0 || h >= in.h || w < 0 || w >= in.w) continue;
              held.push_back(static_cast<std::size_t>(((n * in.h + h) * in.w + w) * in.c + c));
            }
          }
          f(index, held);
        }
      }
    }
  }
}

struct Pooled {
  std::vector<double> y, dx;
};

Pooled max_judge(const PoolShape& shape, const std::vector<double>& x,
                 const std::vector<double>& dy) {
  Pooled result{std::vector<double>(dy.size()), std::vector<double>(x.size())};
  each_window(shape, [&](std::size_t i, const std::vector<std::size_t>& held) {
    std::size_t best = held.front();
    for (const std::size_t k : held) best = x[k] > x[best] ? k : best;
    result.y[i] = x[best];
    result.dx[best] += dy[i];
  });
  return result;
}

Pooled average_judge(const PoolShape& shape, const std::vector<double>& x,
                     const std::vector<double>& dy) {
  Pooled result{std::vector<double>(dy.size()), std::vector<double>(x.size())};
  each_window(shape, [&](std::size_t i, const std::vector<std::size_t>& held) {
    const auto count = static_cast<double>(held.size());
    for (const std::size_t k : held) {
      result.y[i] += x[k] / count;
      result.dx[k] += dy[i] / count;
    }
  });
  return result;
}

/// Inputs and results of one pool.
struct Case {
  Case(Stream& the_stream, const PoolShape& the_shape, DType dtype, std::uint64_t seed)
      : stream(the_stream),
        shape(the_shape),
        x(Tensor::random(stream, dtype, shape.input, seed)),
        dy(Tensor::random(stream, dtype, shape.output(), seed + 1)),
        y(stream, dtype, shape.output()),
        dx(stream, dtype, shape.input) {}

  void max() {
    nn::max_pool_forward(stream, shape, x, y);
    nn::max_pool_backward(stream, shape, x, dy, dx);
  }
  void average() {
    nn::average_pool_forward(stream, shape, x, y);
    nn::average_pool_backward(stream, shape, dy, dx);
  }
  void global() {
    nn::global_average_pool_forward(stream, x, y);
    nn::global_average_pool_backward(stream, dy, dx);
  }
  /// Results that are rounded once: 2^-8 of the largest value in bf16.
  void expect(const Pooled& expected) const {
    const double relative = x.dtype() == DType::bf16 ? 0x1p-8 : 1e-6;
    expect_near(y, expected.y, relative * max_abs(expected.y), "y");
    expect_near(dx, expected.dx, relative * max_abs(expected.dx), "dx");
  }
  void expect(const ReferenceCase& reference) const {
    reference.expect(y, "y");
    reference.expect(dx, "dx");
  }

  Stream& stream;
  PoolShape shape;
  Tensor x, dy, y, dx;
};

std::vector<PoolShape> shapes() {
  return {
      {{2, 8, 10, 7}, {2, 2, 2, 2}},
      {{2, 9, 7, 70}, nn::Window::same(9, 7, 3, 3, 2, 2)},
      {{1, 7, 6, 5}, nn::Window::same(7, 6, 3, 3, 1, 1)},
      {{3, 1, 37, 13}, nn::Window::same(1, 37, 1, 5, 1, 3)},  // time series
      {{2, 6, 7, 3}, {3, 3, 1, 2, 0, 2, 1, 0}},               // uneven padding
      {{1, 10, 9, 129}, {3, 2, 3, 2, 0, 0, 0, 0}},            // rows that fill no window
      {{1, 9, 9, 2}, {2, 2, 3, 3, 0, 0, 0, 0}},               // elements that no window holds
      {{1, 2, 3, 4}, {3, 4, 1, 1, 2, 3, 2, 3}},               // most windows mostly padding
      {{1, 1, 1, 65}, {1, 1, 1, 1}},
      {{4, 33, 31, 24}, nn::Window::same(33, 31, 3, 3, 2, 2)},
  };
}

TEST(MaxPool, AgreesWithDirectLoops) {
  const auto stream = test_stream();
  std::uint64_t seed = 0;
  for (const PoolShape& shape : shapes()) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      SCOPED_TRACE(to_string(shape.input) + " " + name_of(dtype));
      Case pool(*stream, shape, dtype, seed += 10);
      pool.max();
      pool.expect(max_judge(shape, pool.x.values(), pool.dy.values()));
    }
  }
}

TEST(MaxPool, GradientGoesToTheFirstOfEqual) {
  const auto stream = test_stream();
  for (const PoolShape& shape : shapes()) {
    Case pool(*stream, shape, DType::f32, 1);
    std::vector<double> few = pool.x.values();
    for (double& value : few) value = value > 0.5 ? 1 : 0;
    pool.x = Tensor(*stream, DType::f32, shape.input, few);
    pool.max();
    pool.expect(max_judge(shape, few, pool.dy.values()));
  }
}

TEST(MaxPool, PassesNaN) {
  const auto stream = test_stream();
  Case pool(*stream, {{1, 2, 4, 3}, {2, 2, 2, 2}}, DType::f32, 1);
  for (const std::size_t i : {0u, 10u}) pool.x.set(i, std::nan(""));
  pool.max();
  const auto y = pool.y.values();
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_EQ(std::isnan(y[i]), i == 0 || i == 4);
}

TEST(AveragePool, AgreesWithDirectLoops) {
  const auto stream = test_stream();
  std::uint64_t seed = 0;
  for (const PoolShape& shape : shapes()) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      SCOPED_TRACE(to_string(shape.input) + " " + name_of(dtype));
      Case pool(*stream, shape, dtype, seed += 10);
      pool.average();
      pool.expect(average_judge(shape, pool.x.values(), pool.dy.values()));
      const Shape& in = shape.input;
      const PoolShape whole{in, {in.h, in.w, 1, 1}};
      Case global(*stream, whole, dtype, seed += 10);
      global.global();
      global.expect(average_judge(whole, global.x.values(), global.dy.values()));
    }
  }
}

TEST(Pool, TakesUnalignedTensors) {
  const auto stream = test_stream();
  const PoolShape shape{{2, 9, 7, 16}, nn::Window::same(9, 7, 3, 3, 2, 2)};
  const PoolShape whole{shape.input, {9, 7, 1, 1}};
  for (const DType dtype : {DType::f32, DType::bf16}) {
    for (Tensor Case::*const which : {&Case::x, &Case::dy, &Case::y, &Case::dx}) {
      Case pool(*stream, shape, dtype, 61);
      pool.*which = (pool.*which).unaligned();
      pool.max();
      pool.expect(max_judge(shape, pool.x.values(), pool.dy.values()));
      pool.average();
      pool.expect(average_judge(shape, pool.x.values(), pool.dy.values()));
      Case global(*stream, whole, dtype, 62);
      global.*which = (global.*which).unaligned();
      global.global();
      global.expect(average_judge(whole, global.x.values(), global.dy.values()));
    }
  }
}

TEST(Pool, GradientsAreThoseOfTheForwardPass) {
  const auto stream = test_stream();
  Case pool(*stream, {{2, 6, 7, 5}, {3, 3, 2, 1, 0, 2, 1, 0}}, DType::f32, 3);
  pool.max();
  auto dx = pool.dx.values();
  const auto loss_max = [&] {
    nn::max_pool_forward(*stream, pool.shape, pool.x, pool.y);
    return dot(pool.y.values(), pool.dy.values());
  };
  expect_gradient(loss_max, pool.x, dx, 1e-3, 1e-3, "max pool dx", 20);
  pool.average();
  dx = pool.dx.values();
  const auto loss_average = [&] {
    nn::average_pool_forward(*stream, pool.shape, pool.x, pool.y);
    return dot(pool.y.values(), pool.dy.values());
  };
  expect_gradient(loss_average, pool.x, dx, 1, 1e-5, "average pool dx", 20);
}

TEST(Pool, IsTheSameForAnyNumberOfThreads) {
  const auto stream = test_stream();
  Case pool(*stream, {{3, 33, 31, 24}, nn::Window::same(33, 31, 3, 3, 2, 2)}, DType::bf16, 3);
  expect_same_for_any_threads([&] { pool.max(); }, {&pool.y, &pool.dx});
  expect_same_for_any_threads([&] { pool.average(); }, {&pool.y, &pool.dx});
}

TEST(Pool, ReproducesReferenceVectors) {
  if (reference_cases("max_pool").empty()) GTEST_SKIP() << no_reference_cases();
  const auto stream = test_stream();
  for (const char* op : {"max_pool", "avg_pool", "global_avg_pool"}) {
    for (const ReferenceCase& reference : reference_cases(op)) {
      const Shape in = reference.input_shape("x");
      const bool global = std::string(op) == "global_avg_pool";
      const nn::Window window = global ? nn::Window{in.h, in.w, 1, 1} : window_of(reference);
      Case pool(*stream, {in, window}, DType::f32, 0);
      pool.x = reference.input(*stream, "x");
      pool.dy = reference.input(*stream, "dy");
      if (global) {
        pool.global();
      } else if (std::string(op) == "max_pool") {
        pool.max();
      } else {
        pool.average();
      }
      pool.expect(reference);
    }
  }
}

TEST(Pool, RejectsWhatDoesNotFit) {
  const auto stream = test_stream();
  const PoolShape shape{{2, 6, 6, 3}, {2, 2, 2, 2}};
  const Tensor x(*stream, DType::f32, shape.input);
  const Tensor y(*stream, DType::f32, shape.output());
  const Tensor bf16(*stream, DType::bf16, shape.output());
  EXPECT_THROW(nn::max_pool_forward(*stream, shape, x, x), UsageError);
  EXPECT_THROW(nn::max_pool_forward(*stream, shape, x, bf16), UsageError);
  EXPECT_THROW(nn::max_pool_backward(*stream, shape, x, y, y), UsageError);
  EXPECT_THROW(nn::average_pool_forward(*stream, shape, y, y), UsageError);
  EXPECT_THROW(nn::average_pool_backward(*stream, shape, bf16, x), UsageError);
  EXPECT_THROW(nn::global_average_pool_forward(*stream, x, y), UsageError);
  EXPECT_THROW(nn::global_average_pool_backward(*stream, View{}, x), UsageError);
  const PoolShape no_stride{shape.input, {2, 2, 0, 2}};
  EXPECT_THROW(nn::max_pool_forward(*stream, no_stride, x, y), UsageError);
  const PoolShape all_padding{shape.input, {2, 2, 2, 2, 2, 0, 0, 0}};
  EXPECT_THROW(nn::average_pool_forward(*stream, all_padding, x, y), UsageError);
  const PoolShape too_large{shape.input, {7, 2, 1, 1}};
  EXPECT_THROW(nn::max_pool_forward(*stream, too_large, x, y), UsageError);
}

}  // namespace
}  // namespace paretiny::test
