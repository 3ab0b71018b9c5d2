#include "kernels/nn/batchnorm.h"

#include "tests/kernels/nn/batchnorm_case.h"
#include "tests/support/threads.h"

namespace paretiny::test {

using nn::Activation;

namespace {

TEST(BatchNorm, AgreesWithTextbookFormulas) {
  const auto stream = test_stream();
  std::uint64_t seed = 0;
  for (const Shape& input : batchnorm_shapes()) {
    for (const Activation activation : kActivations) {
      for (const DType dtype : {DType::f32, DType::bf16}) {
        SCOPED_TRACE(to_string(input) + " " + name_of(activation) + " " + name_of(dtype));
        BatchNormCase batch(*stream, {input, activation}, dtype, seed += 10);
        stream->scratch().reserve(nn::batchnorm_scratch_bytes(*stream, batch.shape, dtype));
        const std::size_t reserved = stream->scratch().capacity();
        const auto old_mean = batch.running_mean.values();
        const auto old_var = batch.running_var.values();
        batch.forward();
        batch.backward();
        EXPECT_LE(stream->scratch().peak(), reserved);

        BatchNormJudge judge = batch.judge();
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

/// The same behind a residual addition, and with a tensor where an access to several elements may
/// not begin.
TEST(BatchNorm, AddsAResidualAndGivesItsGradient) {
  const auto stream = test_stream();
  std::uint64_t seed = 1000;
  for (const Shape& input : batchnorm_shapes()) {
    for (const Activation activation : {Activation::none, Activation::relu, Activation::relu6}) {
      for (const DType dtype : {DType::f32, DType::bf16}) {
        SCOPED_TRACE(to_string(input) + " " + name_of(activation) + " " + name_of(dtype));
        BatchNormCase batch(*stream, {input, activation}, dtype, seed += 10);
        Tensor addend = Tensor::random(*stream, dtype, input, seed + 7);
        if (activation == Activation::none) addend = addend.unaligned();
        Tensor daddend(*stream, dtype, input);
        stream->scratch().reserve(nn::batchnorm_scratch_bytes(*stream, batch.shape, dtype));
        const std::size_t reserved = stream->scratch().capacity();
        batch.forward(addend);
        batch.backward(batch.y, daddend);
        EXPECT_LE(stream->scratch().peak(), reserved);

        BatchNormJudge judge = batch.judge();
        judge.addend = addend.values();
        judge.stored = batch.y.values();
        judge.run();
        batch.expect_agrees(judge, 0x1p-7);  // a device may round before it adds
        expect_near(daddend, judge.dz, 1e-5, "daddend");

        // As constants of an inference, and with the gradient of the addend where dy was.
        const auto y = batch.y.bytes();
        batch.infer(batch.y, addend);
        EXPECT_EQ(batch.y.bytes(), y);
        const auto dx = batch.dx.bytes();
        batch.backward(batch.y, batch.dy);
        EXPECT_EQ(batch.dx.bytes(), dx);
        EXPECT_EQ(batch.dy.bytes(), daddend.bytes());
        // And dx where y was; dy is masked already.
        std::swap(batch.dx, batch.y);
        batch.backward(batch.dx, batch.dy);
        EXPECT_EQ(batch.dx.bytes(), dx);
      }
    }
  }
}

/// Every tensor in turn lies where an access to several elements may not begin.
TEST(BatchNorm, TakesUnalignedTensors) {
  const auto stream = test_stream();
  for (const std::int64_t channels : {16, 21}) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      for (Tensor BatchNormCase::*const which :
           {&BatchNormCase::x, &BatchNormCase::dy, &BatchNormCase::y, &BatchNormCase::dx}) {
        BatchNormCase batch(*stream, {{3, 9, 7, channels}, Activation::hard_swish}, dtype, 41);
        batch.*which = (batch.*which).unaligned();
        batch.forward();
        batch.backward();
        BatchNormJudge judge = batch.judge();
        judge.run();
        batch.expect_agrees(judge);
      }
    }
  }
}

TEST(BatchNorm, GradientsAreThoseOfTheForwardPass) {
  const auto stream = test_stream();
  for (const Activation activation : {Activation::none, Activation::hard_swish}) {
    BatchNormCase batch(*stream, {{3, 4, 3, 5}, activation}, DType::f32, 7);
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
  BatchNormCase batch(*stream, {{64, 16, 16, 6}, Activation::none}, DType::f32, 11);
  std::vector<double> values = batch.x.values();
  for (std::size_t i = 0; i < values.size(); ++i) {
    // Means up to 1e4 deviations; the last channel's first sample is far from all others.
    values[i] += std::pow(10.0, static_cast<double>(i % 6) - 1);
    if (i % 6 == 5 && i < 16 * 16 * 6) values[i] += 1e6;
  }
  batch.x = Tensor(*stream, DType::f32, batch.shape.input, values);
  batch.forward();
  const BatchNormJudge judge = batch.judge();
  const auto var = batch.var.values(), mean = batch.mean.values();
  for (std::size_t c = 0; c < judge.var.size(); ++c) {
    const double scale = std::abs(judge.mean[c]) + std::sqrt(judge.var[c]);
    EXPECT_NEAR(mean[c], judge.mean[c], 1e-7 * scale) << "channel " << c;
    EXPECT_NEAR(var[c], judge.var[c], 1e-5 * judge.var[c]) << "channel " << c;
  }
}

TEST(BatchNorm, OneValueAChannelHasNoVariance) {
  const auto stream = test_stream();
  BatchNormCase batch(*stream, {{1, 1, 1, 19}, Activation::none}, DType::f32, 3);
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
    BatchNormCase batch(*stream, {{16, 11, 9, 37}, Activation::relu}, dtype, 21);
    batch.forward();
    batch.backward();
    const auto dx = batch.dx.bytes();
    nn::batchnorm_backward(*stream, batch.shape,
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
    batch.infer(batch.y);
    batch.infer(batch.x);
    EXPECT_EQ(batch.x.bytes(), batch.y.bytes());
  }
}

TEST(BatchNorm, IsTheSameForAnyNumberOfThreads) {
  const auto stream = test_stream();
  for (const DType dtype : {DType::f32, DType::bf16}) {
    BatchNormCase batch(*stream, {{32, 15, 15, 24}, Activation::hard_swish}, dtype, 31);
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
  if (cases.empty()) GTEST_SKIP() << no_reference_cases();
  const auto stream = test_stream();
  for (const ReferenceCase& reference : cases) {
    BatchNormCase batch(*stream,
                        {reference.input_shape("x"), Activation::none,
                         reference.attributes().at("eps"), reference.attributes().at("momentum")},
                        DType::f32, 0);
    take(batch, reference, *stream);
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
}

TEST(BatchNorm, RejectsWhatDoesNotFit) {
  const auto stream = test_stream();
  BatchNormCase good(*stream, {{2, 3, 3, 4}}, DType::f32, 0);
  BatchNormCase bf16(*stream, {{2, 3, 3, 4}}, DType::bf16, 0);
  BatchNormCase wide(*stream, {{2, 3, 3, 5}}, DType::f32, 0);
  const auto forward = [&](const nn::BatchNormShape& shape, ConstView x, ConstView gamma, View var,
                           View y) {
    nn::batchnorm_forward(*stream, shape,
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
  EXPECT_THROW(good.forward(wide.x), UsageError);
  EXPECT_THROW(good.forward(bf16.x), UsageError);
  EXPECT_THROW(good.forward(good.y), UsageError) << "it would be overwritten";
  Tensor gradient(*stream, DType::f32, good.shape.input);
  EXPECT_NO_THROW(good.backward(good.y, gradient));
  EXPECT_THROW(good.backward(good.y, View{}), UsageError);
  EXPECT_THROW(good.backward(ConstView{}, gradient), UsageError);
  EXPECT_THROW(good.backward(good.y, good.dx), UsageError);
  good.shape.activation = Activation::hard_swish;
  EXPECT_THROW(good.backward(good.y, gradient), UsageError) << "its slope needs more than y";
  EXPECT_THROW(nn::batchnorm_backward(*stream, good.shape,
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
  EXPECT_THROW(nn::batchnorm_inference_forward(*stream, good.shape,
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
