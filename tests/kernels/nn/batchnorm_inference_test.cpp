// Batch norm with statistics that are given: as constants, and folded into scale and shift.
#include "tests/kernels/nn/batchnorm_case.h"

namespace paretiny::test {
namespace {

TEST(BatchNorm, InferenceTakesTheGivenStatistics) {
  const auto stream = test_stream();
  std::uint64_t seed = 1000;
  for (const Shape& input : batchnorm_shapes()) {
    for (const nn::Activation activation : kActivations) {
      for (const DType dtype : {DType::f32, DType::bf16}) {
        SCOPED_TRACE(to_string(input) + " " + name_of(activation) + " " + name_of(dtype));
        BatchNormCase batch(*stream, {input, activation}, dtype, seed += 10);
        for (std::size_t c = 0; c < static_cast<std::size_t>(input.c); ++c) {
          batch.running_var.set(c, 0.3 + 0.01 * static_cast<double>(c % 90));
        }
        const ConstView mean = batch.running_mean, var = batch.running_var;
        nn::batchnorm_inference_forward(*stream, batch.shape,
                                        {.x = batch.x,
                                         .gamma = batch.gamma,
                                         .beta = batch.beta,
                                         .mean = mean,
                                         .var = var,
                                         .y = batch.y});
        nn::batchnorm_inference_backward(*stream, batch.shape,
                                         {.x = batch.x,
                                          .dy = batch.dy,
                                          .gamma = batch.gamma,
                                          .beta = batch.beta,
                                          .mean = mean,
                                          .var = var,
                                          .dx = batch.dx,
                                          .dgamma = batch.dgamma,
                                          .dbeta = batch.dbeta});
        BatchNormJudge judge = batch.judge();
        judge.constant_statistics = true;
        judge.mean = batch.running_mean.values();
        judge.var = batch.running_var.values();
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
    BatchNormCase batch(*stream, {input, nn::Activation::relu, 1e-3f, 0.3f}, DType::f32, 51);
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
      nn::batchnorm_fold(*stream, batch.shape,
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

TEST(BatchNorm, InferenceReproducesReferenceVectors) {
  const auto cases = reference_cases("batch_norm_inference");
  if (cases.empty()) GTEST_SKIP() << no_reference_cases();
  const auto stream = test_stream();
  for (const ReferenceCase& reference : cases) {
    BatchNormCase batch(
        *stream,
        {reference.input_shape("x"), nn::Activation::none, reference.attributes().at("eps")},
        DType::f32, 0);
    take(batch, reference, *stream);
    nn::batchnorm_inference_forward(*stream, batch.shape,
                                    {.x = batch.x,
                                     .gamma = batch.gamma,
                                     .beta = batch.beta,
                                     .mean = batch.running_mean,
                                     .var = batch.running_var,
                                     .y = batch.y});
    nn::batchnorm_inference_backward(*stream, batch.shape,
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

}  // namespace
}  // namespace paretiny::test
