// One call of batch norm with all its tensors, and its judge.
#pragma once

#include "kernels/nn/batchnorm.h"
#include "tests/support/activation.h"
#include "tests/support/kernels.h"

namespace paretiny::test {

/// Batch normalisation in double precision, textbook formulas.
struct BatchNormJudge {
  nn::BatchNormShape shape;
  bool constant_statistics = false;
  std::vector<double> x, dy, gamma, beta, mean, var;
  std::vector<double> y, dx, dgamma, dbeta;
  /// Of x's size, or empty: what is added, and the y that was stored, which the slope follows from.
  std::vector<double> addend{}, stored{};
  std::vector<double> dz{};  ///< the gradient of the addend

  std::size_t channels() const { return static_cast<std::size_t>(shape.input.c); }
  double rows() const { return static_cast<double>(x.size()) / static_cast<double>(channels()); }

  void statistics() {
    mean.assign(channels(), 0);
    var.assign(channels(), 0);
    for (std::size_t i = 0; i < x.size(); ++i) mean[i % channels()] += x[i] / rows();
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double d = x[i] - mean[i % channels()];
      var[i % channels()] += d * d / rows();
    }
  }

  double normal(std::size_t i) const {
    const std::size_t c = i % channels();
    return (x[i] - mean[c]) / std::sqrt(var[c] + shape.epsilon);
  }
  double input(std::size_t i) const {
    const std::size_t c = i % channels();
    return gamma[c] * normal(i) + beta[c] + (addend.empty() ? 0 : addend[i]);
  }

  /// Where it follows from y, at a kink that of the flat side.
  double slope(std::size_t i) const {
    if (stored.empty()) return slope_judge(shape.activation, input(i));
    return slope_judge(shape.activation, stored[i]) < 0.75 ? 0 : 1;
  }

  void run() {
    y.resize(x.size());
    dx.resize(x.size());
    dgamma.assign(channels(), 0);
    dbeta.assign(channels(), 0);
    dz.resize(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      y[i] = activate_judge(shape.activation, input(i));
      dz[i] = dy[i] * slope(i);
      dgamma[i % channels()] += dz[i] * normal(i);
      dbeta[i % channels()] += dz[i];
    }
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::size_t c = i % channels();
      const double through = constant_statistics ? 0 : (dbeta[c] + normal(i) * dgamma[c]) / rows();
      dx[i] = gamma[c] / std::sqrt(var[c] + shape.epsilon) * (dz[i] - through);
    }
  }
};

/// The tensors of one call.
struct BatchNormCase {
  BatchNormCase(Stream& the_stream, const nn::BatchNormShape& the_shape, DType dtype,
                std::uint64_t seed)
      : stream(the_stream),
        shape(the_shape),
        x(Tensor::random(stream, dtype, shape.input, seed)),
        dy(Tensor::random(stream, dtype, shape.input, seed + 1)),
        gamma(Tensor::random(stream, DType::f32, shape.channels(), seed + 2)),
        beta(Tensor::random(stream, DType::f32, shape.channels(), seed + 3)),
        running_mean(Tensor::random(stream, DType::f32, shape.channels(), seed + 4)),
        running_var(Tensor::random(stream, DType::f32, shape.channels(), seed + 5)),
        mean(stream, DType::f32, shape.channels()),
        var(stream, DType::f32, shape.channels()),
        y(stream, dtype, shape.input),
        dx(stream, dtype, shape.input),
        dgamma(stream, DType::f32, shape.channels()),
        dbeta(stream, DType::f32, shape.channels()) {}

  void forward(ConstView addend = {}) {
    nn::batchnorm_forward(stream, shape,
                          {.x = x,
                           .gamma = gamma,
                           .beta = beta,
                           .addend = addend,
                           .running_mean = running_mean,
                           .running_var = running_var,
                           .saved_mean = mean,
                           .saved_var = var,
                           .y = y});
  }
  /// Of an inference, by the statistics of the batch.
  void infer(View result, ConstView addend = {}) {
    nn::batchnorm_inference_forward(stream, shape,
                                    {.x = x,
                                     .gamma = gamma,
                                     .beta = beta,
                                     .mean = mean,
                                     .var = var,
                                     .addend = addend,
                                     .y = result});
  }
  void backward(ConstView result = {}, View daddend = {}) {
    nn::batchnorm_backward(stream, shape,
                           {.x = x,
                            .dy = dy,
                            .gamma = gamma,
                            .beta = beta,
                            .mean = mean,
                            .var = var,
                            .y = result,
                            .daddend = daddend,
                            .dx = dx,
                            .dgamma = dgamma,
                            .dbeta = dbeta});
  }

  BatchNormJudge judge() const {
    BatchNormJudge judge{
        shape, false, x.values(), dy.values(), gamma.values(), beta.values(), {}, {},
        {},    {},    {},         {}};
    judge.statistics();
    return judge;
  }

  /// Relative to the largest value: f32 within 1e-5; bf16 tensors within 2^-8, the
  /// rounding of the result; or as far as is said.
  void expect_agrees(const BatchNormJudge& judge, double bf16 = 0x1p-8) const {
    const auto expect = [=](const Tensor& actual, const std::vector<double>& expected,
                            const char* name) {
      const double relative = actual.dtype() == DType::bf16 ? bf16 : 1e-5;
      expect_near(actual, expected, relative * std::max(max_abs(expected), 1.0), name);
    };
    expect(y, judge.y, "y");
    expect(dx, judge.dx, "dx");
    expect(dgamma, judge.dgamma, "dgamma");
    expect(dbeta, judge.dbeta, "dbeta");
  }

  Stream& stream;
  nn::BatchNormShape shape;
  Tensor x, dy, gamma, beta, running_mean, running_var, mean, var, y, dx, dgamma, dbeta;
};

inline std::vector<Shape> batchnorm_shapes() {
  return {
      {4, 6, 5, 7},                     // odd channels
      {2, 1, 37, 13},                   // time series
      {3, 5, 5, 48},                    // whole vectors
      {16, 11, 9, 37},                  // several chunks, pruned channels
      {65, 16, 16, 3},                  // many rows, few channels
      {5, 3, 3, 257},                   // lanes of 16 rows would be too long
      {2, 1, 1, 1},                     // two values
      {9, 40, 3, 16},  {40, 11, 9, 1},  // a single channel
      {3, 7, 5, 20},                    // packs of 8 that begin in two places of a row
      {7, 1, 1, 1027},                  // odd channels in no short run of rows
      {3, 2, 1, 2056},                  // whole vectors, long rows
  };
}

/// The inputs of a reference case.
inline void take(BatchNormCase& batch, const ReferenceCase& reference, Stream& stream) {
  batch.x = reference.input(stream, "x");
  batch.dy = reference.input(stream, "dy");
  batch.gamma = reference.input(stream, "gamma");
  batch.beta = reference.input(stream, "beta");
  batch.running_mean = reference.input(stream, "running_mean");
  batch.running_var = reference.input(stream, "running_var");
}

}  // namespace paretiny::test
