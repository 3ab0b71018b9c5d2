#include "kernels/nn/training/loss.h"

#include "tests/support/kernels.h"

namespace paretiny::test {
namespace {

/// One call's tensors.
struct Case {
  Case(Stream& the_stream, Tensor the_logits, const std::vector<double>& the_labels)
      : stream(the_stream),
        logits(std::move(the_logits)),
        labels(stream, DType::i32, {1, 1, 1, logits.shape().n}, the_labels),
        loss(stream, DType::f32, labels.shape()),
        dlogits(stream, DType::f32, logits.shape()),
        totals(stream, DType::f32, {1, 1, 1, 2}, {0, 0}) {}

  void run(float smoothing) {
    nn::softmax_cross_entropy(
        stream, smoothing,
        {.logits = logits, .labels = labels, .loss = loss, .dlogits = dlogits, .totals = totals});
  }

  Stream& stream;
  Tensor logits, labels, loss, dlogits, totals;
};

Case random_case(Stream& stream, std::int64_t n, std::int64_t classes, double scale,
                 std::uint64_t seed) {
  const Shape shape{n, 1, 1, classes};
  std::vector<double> logits = Tensor::random(stream, DType::f32, shape, seed).values();
  for (double& logit : logits) logit *= scale;
  Random random(seed, "labels");
  std::vector<double> labels;
  for (std::int64_t i = 0; i < n; ++i) {
    labels.push_back(static_cast<double>(random.below(static_cast<std::uint64_t>(classes))));
  }
  return {stream, Tensor(stream, DType::f32, shape, logits), labels};
}

TEST(SoftmaxCrossEntropy, AgreesWithItsDefinition) {
  const auto stream = test_stream();
  std::uint64_t seed = 0;
  for (const auto& [n, classes] : {std::pair{1, 2}, {7, 10}, {33, 13}, {3, 1000}}) {
    for (const double scale : {1.0, 30.0}) {
      for (const float smoothing : {0.0f, 0.1f}) {
        Case batch = random_case(*stream, n, classes, scale, ++seed);
        batch.run(smoothing);
        const auto logits = batch.logits.values(), labels = batch.labels.values();
        std::vector<double> losses, gradient;
        double total = 0, correct = 0;
        for (std::size_t i = 0; i < labels.size(); ++i) {
          const double* z = &logits[i * static_cast<std::size_t>(classes)];
          const double* largest = std::max_element(z, z + classes);
          double sum = 0, loss = 0;
          for (int k = 0; k < classes; ++k) sum += std::exp(z[k] - *largest);
          for (int k = 0; k < classes; ++k) {
            const double target =
                (k == labels[i] ? 1.0 - smoothing : 0.0) + double{smoothing} / classes;
            const double log_probability = z[k] - *largest - std::log(sum);
            loss -= target * log_probability;
            gradient.push_back((std::exp(log_probability) - target) / n);
          }
          losses.push_back(loss);
          total += loss;
          if (*largest == z[static_cast<int>(labels[i])]) ++correct;
        }
        expect_near(batch.loss, losses, 1e-6 * std::max(max_abs(losses), 1.0), "loss");
        expect_near(batch.dlogits, gradient, 1e-7 / n, "dlogits");
        expect_near(batch.totals, {total, correct}, 1e-6 * std::max(total, 1.0), "totals");
      }
    }
  }
}

TEST(SoftmaxCrossEntropy, GradientIsThatOfTheMeanLoss) {
  const auto stream = test_stream();
  Case batch = random_case(*stream, 5, 7, 1, 3);
  batch.run(0.1f);
  const auto gradient = batch.dlogits.values();
  const auto mean_loss = [&] {
    batch.run(0.1f);
    double sum = 0;
    for (const double loss : batch.loss.values()) sum += loss / 5;
    return sum;
  };
  expect_gradient(mean_loss, batch.logits, gradient, 0.02, 1e-4 * max_abs(gradient) + 1e-5,
                  "dlogits", 20);
}

TEST(SoftmaxCrossEntropy, AddsToTotalsAndCountsTheFirstOfEqual) {
  const auto stream = test_stream();
  Case batch(*stream, Tensor(*stream, DType::f32, {3, 1, 1, 3}, {1, 1, 0, 1, 1, 0, 0, 0, 2}),
             {0, 1, 2});
  batch.totals.set(0, 100);
  batch.totals.set(1, 40);
  nn::softmax_cross_entropy(*stream, 0,
                            {.logits = batch.logits,
                             .labels = batch.labels,
                             .loss = batch.loss,
                             .dlogits = View{},
                             .totals = batch.totals});
  const double loss = dot(batch.loss.values(), {1, 1, 1});
  expect_near(batch.totals, {100 + loss, 42}, 1e-4, "totals");
}

TEST(SoftmaxCrossEntropy, ReproducesReferenceVectors) {
  const auto cases = reference_cases("softmax_cross_entropy");
  if (cases.empty()) GTEST_SKIP() << no_reference_cases();
  const auto stream = test_stream();
  for (const ReferenceCase& reference : cases) {
    Case batch(*stream, reference.input(*stream, "logits"),
               reference.input(*stream, "labels", DType::i32).values());
    batch.run(reference.attributes().at("label_smoothing"));
    reference.expect(batch.loss, "loss_per_sample");
    reference.expect(batch.dlogits, "dlogits");
    const double loss = reference.json().at("loss").get<double>();
    const double n = static_cast<double>(batch.labels.shape().c);
    EXPECT_NEAR(batch.totals.values()[0] / n, loss, 1e-6 * std::max(1.0, loss));
  }
}

TEST(SoftmaxCrossEntropy, RejectsWhatDoesNotFit) {
  const auto stream = test_stream();
  Case batch = random_case(*stream, 4, 3, 1, 1);
  const auto run = [&](float smoothing, ConstView logits, ConstView labels, View loss, View dlogits,
                       View totals) {
    nn::softmax_cross_entropy(
        *stream, smoothing,
        {.logits = logits, .labels = labels, .loss = loss, .dlogits = dlogits, .totals = totals});
  };
  const Case& b = batch;
  EXPECT_THROW(run(1.5f, b.logits, b.labels, b.loss, b.dlogits, b.totals), UsageError);
  EXPECT_THROW(run(0, b.logits, b.loss, b.loss, b.dlogits, b.totals), UsageError);
  EXPECT_THROW(run(0, b.logits, b.labels, b.totals, b.dlogits, b.totals), UsageError);
  EXPECT_THROW(run(0, b.logits, b.labels, b.loss, b.loss, b.totals), UsageError);
  EXPECT_THROW(run(0, b.logits, b.labels, b.loss, b.dlogits, View{}), UsageError);
  const Tensor pixels(*stream, DType::f32, {4, 1, 3, 1});
  EXPECT_THROW(run(0, pixels, b.labels, b.loss, b.dlogits, b.totals), UsageError);
}

}  // namespace
}  // namespace paretiny::test
