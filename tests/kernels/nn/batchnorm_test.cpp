#include "kernels/nn/batchnorm.h"

#include "tests/support/activation.h"
#include "tests/support/threads.h"

namespace paretiny::test {
namespace {

/// Batch normalisation in double precision, textbook formulas.
struct Judge {
  BatchNormShape shape;
  bool constant_statistics = false;
  std::vector<double> x, dy, gamma, beta, mean, var;
  std::vector<double> y, dx, dgamma, dbeta;

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
    return gamma[c] * normal(i) + beta[c];
  }

  void run() {
    y.resize(x.size());
    dx.resize(x.size());
    dgamma.assign(channels(), 0);
    dbeta.assign(channels(), 0);
    std::vector<double> dz(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      y[i] = activate_judge(shape.activation, input(i));
      dz[i] = dy[i] * slope_judge(shape.activation, input(i));
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
struct Case {
  Case(Stream& the_stream, const BatchNormShape& the_shape, DType dtype, std::uint64_t seed)
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

  void forward() {
    batchnorm_forward(stream, shape,
                      {.x = x,
                       .gamma = gamma,
                       .beta = beta,
                       .running_mean = running_mean,
                       .running_var = running_var,
                       .saved_mean = mean,
                       .saved_var = var,
                       .y = y});
  }
  void backward() {
    batchnorm_backward(stream, shape,
                       {.x = x,
                        .dy = dy,
                        .gamma = gamma,
                        .beta = beta,
                        .mean = mean,
                        .var = var,
                        .dx = dx,
                        .dgamma = dgamma,
                        .dbeta = dbeta});
  }

  Judge judge() const {
    Judge judge{shape, false, x.values(), dy.values(), gamma.values(), beta.values(), {}, {},
                {},    {},    {},         {}};
    judge.statistics();
    return judge;
  }

  /// Relative to the largest value: f32 within 1e-5; bf16 tensors within 2^-8, the
  /// rounding of the result.
  void expect_agrees(const Judge& judge) const {
    const auto expect = [](const Tensor& actual, const std::vector<double>& expected,
                           const char* name) {
      const double relative = actual.dtype() == DType::bf16 ? 0x1p-8 : 1e-5;
      expect_near(actual, expected, relative * std::max(max_abs(expected), 1.0), name);
    };
    expect(y, judge.y, "y");
    expect(dx, judge.dx, "dx");
    expect(dgamma, judge.dgamma, "dgamma");
    expect(dbeta, judge.dbeta, "dbeta");
  }

  Stream& stream;
  BatchNormShape shape;
  Tensor x, dy, gamma, beta, running_mean, running_var, mean, var, y, dx, dgamma, dbeta;
};

std::vector<Shape> shapes() {
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

TEST(BatchNorm, AgreesWithTextbookFormulas) {
  const auto stream = test_stream();
  std::uint64_t seed = 0;
  for (const Shape& input : shapes()) {
    for (const Activation activation : kActivations) {
      for (const DType dtype : {DType::f32, DType::bf16}) {
        SCOPED_TRACE(to_string(input) + " " + name_of(activation) + " " + name_of(dtype));
        Case batch(*stream, {input, activation}, dtype, seed += 10);
        stream->scratch().reserve(batchnorm_scratch_bytes(*stream, batch.shape, dtype));
        const std::size_t reserved = stream->scratch().capacity();
        const auto old_mean = batch.running_mean.values();
        const auto old_var = batch.running_var.values();
        batch.forward();
        batch.backward();
        EXPECT_LE(stream->scratch().peak(), reserved);

        Judge judge = batch.judge();
        expect_near(batch.mean, judge.mean, 1e-6, "mean");
        expect_near(batch.var, judge.var, 1e-6 * max_abs(judge.var), "var");
        std::vector<double> running_mean, running_var;
        for (std::size_t c = 0; c < judge.channels(); ++c) {
          running_mean.push_back(0.9 * old_mean[c] + 0.1 * judge.mean[c]);
          running_var.push_back(0.9 * old_var[c] +
                                0.1 * judge.var[c] * judge.rows() / (judge.rows() - 1));
        }
        expect_near(batch.running_mean, running_mean, 1e-6, "running mean");
        expect_near(batch.running_var, running_var, 1e-6 * max_abs(running_var), "running var");
        judge.run();
        batch.expect_agrees(judge);
      }
    }
  }
}

TEST(BatchNorm, InferenceTakesTheGivenStatistics) {
  const auto stream = test_stream();
  std::uint64_t seed = 1000;
  for (const Shape& input : shapes()) {
    for (const Activation activation : kActivations) {
      for (const DType dtype : {DType::f32, DType::bf16}) {
        SCOPED_TRACE(to_string(input) + " " + name_of(activation) + " " + name_of(dtype));
        Case batch(*stream, {input, activation}, dtype, seed += 10);
        for (std::size_t c = 0; c < static_cast<std::size_t>(input.c); ++c) {
          batch.running_var.set(c, 0.3 + 0.01 * static_cast<double>(c % 90));
        }
        const ConstView mean = batch.running_mean, var = batch.running_var;
        batchnorm_inference_forward(*stream, batch.shape,
                                    {.x = batch.x,
                                     .gamma = batch.gamma,
                                     .beta = batch.beta,
                                     .mean = mean,
                                     .var = var,
                                     .y = batch.y});
        batchnorm_inference_backward(*stream, batch.shape,
                                     {.x = batch.x,
                                      .dy = batch.dy,
                                      .gamma = batch.gamma,
                                      .beta = batch.beta,
                                      .mean = mean,
                                      .var = var,
                                      .dx = batch.dx,
                                      .dgamma = batch.dgamma,
                                      .dbeta = batch.dbeta});
        Judge judge = batch.judge();
        judge.constant_statistics = true;
        judge.mean = batch.running_mean.values();
        judge.var = batch.running_var.values();
        judge.run();
        batch.expect_agrees(judge);
      }
    }
  }
}

/// Every tensor in turn lies where an access to several elements may not begin.
TEST(BatchNorm, TakesUnalignedTensors) {
  const auto stream = test_stream();
  for (const std::int64_t channels : {16, 21}) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      for (Tensor Case::*const which : {&Case::x, &Case::dy, &Case::y, &Case::dx}) {
        Case batch(*stream, {{3, 9, 7, channels}, Activation::hard_swish}, dtype, 41);
        batch.*which = (batch.*which).unaligned();
        batch.forward();
        batch.backward();
        Judge judge = batch.judge();
        judge.run();
        batch.expect_agrees(judge);
      }
    }
  }
}

TEST(BatchNorm, FoldsIntoScaleAndShift) {
  const auto stream = test_stream();
  for (const Shape& input : {Shape{4, 6, 5, 7}, Shape{2, 3, 3, 257}, Shape{1, 1, 1, 19}}) {
    SCOPED_TRACE(to_string(input));
    Case batch(*stream, {input, Activation::relu, 1e-3f, 0.3f}, DType::f32, 51);
    const auto channels = static_cast<std::size_t>(input.c);
    const double rows = static_cast<double>(input.n * input.h * input.w);
    const Tensor mean = Tensor::random(*stream, DType::f32, batch.shape.channels(), 52);
    std::vector<double> variances;
    for (std::size_t c = 0; c < channels; ++c) {
      variances.push_back(rows == 1 ? 0 : rounded(DType::f32, 0.02 * static_cast<double>(c)));
    }
    const Tensor var(*stream, DType::f32, batch.shape.channels(), variances);
    const Tensor scale(*stream, DType::f32, batch.shape.channels());
    const Tensor shift(*stream, DType::f32, batch.shape.channels());
    const auto old_mean = batch.running_mean.values(), old_var = batch.running_var.values();
    const auto gamma = batch.gamma.values(), beta = batch.beta.values(), means = mean.values();
    const auto fold = [&](View running_mean, View running_var) {
      batchnorm_fold(*stream, batch.shape,
                     {.gamma = batch.gamma,
                      .beta = batch.beta,
                      .mean = mean,
                      .var = var,
                      .running_mean = running_mean,
                      .running_var = running_var,
                      .scale = scale,
                      .shift = shift});
    };

    fold(View{}, View{});
    EXPECT_EQ(batch.running_mean.values(), old_mean);
    EXPECT_EQ(batch.running_var.values(), old_var);
    fold(batch.running_mean, batch.running_var);
    std::vector<double> scales, shifts, running_mean, running_var;
    for (std::size_t c = 0; c < channels; ++c) {
      scales.push_back(gamma[c] / std::sqrt(variances[c] + batch.shape.epsilon));
      shifts.push_back(beta[c] - means[c] * scales[c]);
      const double unbiased = rows == 1 ? 0 : variances[c] * rows / (rows - 1);
      running_mean.push_back(old_mean[c] + double{0.3f} * (means[c] - old_mean[c]));
      running_var.push_back(old_var[c] + double{0.3f} * (unbiased - old_var[c]));
    }
    expect_near(scale, scales, 1e-6 * max_abs(scales), "scale");
    expect_near(shift, shifts, 1e-6 * max_abs(shifts), "shift");
    expect_near(batch.running_mean, running_mean, 1e-6, "running mean");
    expect_near(batch.running_var, running_var, 1e-6 * max_abs(running_var), "running var");

    EXPECT_THROW(fold(batch.running_mean, View{}), UsageError);
    EXPECT_THROW(fold(View{}, batch.x), UsageError);
  }
}

TEST(BatchNorm, GradientsAreThoseOfTheForwardPass) {
  const auto stream = test_stream();
  for (const Activation activation : {Activation::none, Activation::hard_swish}) {
    Case batch(*stream, {{3, 4, 3, 5}, activation}, DType::f32, 7);
    batch.forward();
    batch.backward();
    const auto loss = [&] {
      batch.forward();
      return dot(batch.y.values(), batch.dy.values());
    };
    const auto dx = batch.dx.values(), dgamma = batch.dgamma.values(), dbeta = batch.dbeta.values();
    expect_gradient(loss, batch.x, dx, 0.01, 3e-3 * max_abs(dx), "dx");
    expect_gradient(loss, batch.gamma, dgamma, 0.01, 3e-3 * max_abs(dgamma), "dgamma");
    expect_gradient(loss, batch.beta, dbeta, 0.01, 3e-3 * max_abs(dbeta), "dbeta");
  }
}

TEST(BatchNorm, KeepsTheVarianceOfALargeMean) {
  const auto stream = test_stream();
  Case batch(*stream, {{64, 16, 16, 6}, Activation::none}, DType::f32, 11);
  std::vector<double> values = batch.x.values();
  for (std::size_t i = 0; i < values.size(); ++i) {
    // Means up to 1e4 deviations; the last channel's first sample is far from all others.
    values[i] += std::pow(10.0, static_cast<double>(i % 6) - 1);
    if (i % 6 == 5 && i < 16 * 16 * 6) values[i] += 1e6;
  }
  batch.x = Tensor(*stream, DType::f32, batch.shape.input, values);
  batch.forward();
  const Judge judge = batch.judge();
  const auto var = batch.var.values(), mean = batch.mean.values();
  for (std::size_t c = 0; c < judge.var.size(); ++c) {
    const double scale = std::abs(judge.mean[c]) + std::sqrt(judge.var[c]);
    EXPECT_NEAR(mean[c], judge.mean[c], 1e-7 * scale) << "channel " << c;
    EXPECT_NEAR(var[c], judge.var[c], 1e-5 * judge.var[c]) << "channel " << c;
  }
}

TEST(BatchNorm, OneValueAChannelHasNoVariance) {
  const auto stream = test_stream();
  Case batch(*stream, {{1, 1, 1, 19}, Activation::none}, DType::f32, 3);
  const auto before = batch.running_var.values();
  batch.forward();
  batch.backward();
  // What a float loses of x, times gamma / sqrt(epsilon), is left.
  expect_near(batch.y, batch.beta.values(), 1e-3, "y");
  EXPECT_EQ(batch.mean.values(), batch.x.values());
  EXPECT_EQ(batch.var.values(), std::vector<double>(19, 0));
  EXPECT_LT(max_abs(batch.dx.values()), 1e-3);
  const auto after = batch.running_var.values();
  for (std::size_t c = 0; c < 19; ++c) EXPECT_NEAR(after[c], 0.9 * before[c], 1e-6);
}

TEST(BatchNorm, MayWriteWhereItReads) {
  const auto stream = test_stream();
  for (const DType dtype : {DType::f32, DType::bf16}) {
    Case batch(*stream, {{16, 11, 9, 37}, Activation::relu}, dtype, 21);
    batch.forward();
    batch.backward();
    const auto dx = batch.dx.bytes();
    batchnorm_backward(*stream, batch.shape,
                       {.x = batch.x,
                        .dy = batch.dy,
                        .gamma = batch.gamma,
                        .beta = batch.beta,
                        .mean = batch.mean,
                        .var = batch.var,
                        .dx = batch.dy,
                        .dgamma = batch.dgamma,
                        .dbeta = batch.dbeta});
    EXPECT_EQ(batch.dy.bytes(), dx);
    batchnorm_inference_forward(*stream, batch.shape,
                                {.x = batch.x,
                                 .gamma = batch.gamma,
                                 .beta = batch.beta,
                                 .mean = batch.mean,
                                 .var = batch.var,
                                 .y = batch.y});
    batchnorm_inference_forward(*stream, batch.shape,
                                {.x = batch.x,
                                 .gamma = batch.gamma,
                                 .beta = batch.beta,
                                 .mean = batch.mean,
                                 .var = batch.var,
                                 .y = batch.x});
    EXPECT_EQ(batch.x.bytes(), batch.y.bytes());
  }
}

TEST(BatchNorm, IsTheSameForAnyNumberOfThreads) {
  const auto stream = test_stream();
  for (const DType dtype : {DType::f32, DType::bf16}) {
    Case batch(*stream, {{32, 15, 15, 24}, Activation::hard_swish}, dtype, 31);
    expect_same_for_any_threads(
        [&] {
          batch.forward();
          batch.backward();
        },
        {&batch.mean, &batch.var, &batch.y, &batch.dx, &batch.dgamma, &batch.dbeta});
  }
}

TEST(BatchNorm, ReproducesReferenceVectors) {
  const auto cases = reference_cases("batch_norm_training");
  if (cases.empty()) GTEST_SKIP() << "no reference vectors";
  const auto stream = test_stream();
  const auto set = [&](Case& batch, const ReferenceCase& reference) {
    batch.x = reference.input(*stream, "x");
    batch.dy = reference.input(*stream, "dy");
    batch.gamma = reference.input(*stream, "gamma");
    batch.beta = reference.input(*stream, "beta");
    batch.running_mean = reference.input(*stream, "running_mean");
    batch.running_var = reference.input(*stream, "running_var");
  };
  for (const ReferenceCase& reference : cases) {
    Case batch(*stream,
               {reference.input_shape("x"), Activation::none, reference.attributes().at("eps"),
                reference.attributes().at("momentum")},
               DType::f32, 0);
    set(batch, reference);
    batch.forward();
    batch.backward();
    reference.expect(batch.y, "y");
    reference.expect(batch.mean, "saved_mean");
    reference.expect(batch.var, "saved_var");
    reference.expect(batch.running_mean, "running_mean_after");
    reference.expect(batch.running_var, "running_var_after");
    reference.expect(batch.dx, "dx");
    reference.expect(batch.dgamma, "dgamma");
    reference.expect(batch.dbeta, "dbeta");
  }
  for (const ReferenceCase& reference : reference_cases("batch_norm_inference")) {
    Case batch(*stream,
               {reference.input_shape("x"), Activation::none, reference.attributes().at("eps")},
               DType::f32, 0);
    set(batch, reference);
    batchnorm_inference_forward(*stream, batch.shape,
                                {.x = batch.x,
                                 .gamma = batch.gamma,
                                 .beta = batch.beta,
                                 .mean = batch.running_mean,
                                 .var = batch.running_var,
                                 .y = batch.y});
    batchnorm_inference_backward(*stream, batch.shape,
                                 {.x = batch.x,
                                  .dy = batch.dy,
                                  .gamma = batch.gamma,
                                  .beta = batch.beta,
                                  .mean = batch.running_mean,
                                  .var = batch.running_var,
                                  .dx = batch.dx,
                                  .dgamma = batch.dgamma,
                                  .dbeta = batch.dbeta});
    reference.expect(batch.y, "y");
    reference.expect(batch.dx, "dx");
    reference.expect(batch.dgamma, "dgamma");
    reference.expect(batch.dbeta, "dbeta");
  }
}

TEST(BatchNorm, RejectsWhatDoesNotFit) {
  const auto stream = test_stream();
  Case good(*stream, {{2, 3, 3, 4}}, DType::f32, 0);
  Case bf16(*stream, {{2, 3, 3, 4}}, DType::bf16, 0);
  Case wide(*stream, {{2, 3, 3, 5}}, DType::f32, 0);
  const auto forward = [&](const BatchNormShape& shape, ConstView x, ConstView gamma, View var,
                           View y) {
    batchnorm_forward(*stream, shape,
                      {.x = x,
                       .gamma = gamma,
                       .beta = good.beta,
                       .running_mean = good.running_mean,
                       .running_var = good.running_var,
                       .saved_mean = good.mean,
                       .saved_var = var,
                       .y = y});
  };
  EXPECT_NO_THROW(forward(good.shape, good.x, good.gamma, good.var, good.y));
  EXPECT_THROW(forward(good.shape, wide.x, good.gamma, good.var, good.y), UsageError);
  EXPECT_THROW(forward(good.shape, good.x, wide.gamma, good.var, good.y), UsageError);
  EXPECT_THROW(forward(good.shape, good.x, good.gamma, View{}, good.y), UsageError);
  EXPECT_THROW(forward(good.shape, good.x, good.gamma, good.var, bf16.y), UsageError);
  EXPECT_THROW(forward(good.shape, good.x, good.gamma, good.var, good.x), UsageError);
  EXPECT_THROW(forward({{0, 3, 3, 4}}, good.x, good.gamma, good.var, good.y), UsageError);
  EXPECT_THROW(batchnorm_backward(*stream, good.shape,
                                  {.x = good.x,
                                   .dy = bf16.dy,
                                   .gamma = good.gamma,
                                   .beta = good.beta,
                                   .mean = good.mean,
                                   .var = good.var,
                                   .dx = good.dx,
                                   .dgamma = good.dgamma,
                                   .dbeta = good.dbeta}),
               UsageError);
  EXPECT_THROW(batchnorm_inference_forward(*stream, good.shape,
                                           {.x = good.x,
                                            .gamma = good.gamma,
                                            .beta = good.beta,
                                            .mean = good.mean,
                                            .var = wide.var,
                                            .y = good.y}),
               UsageError);
}

}  // namespace
}  // namespace paretiny::test
