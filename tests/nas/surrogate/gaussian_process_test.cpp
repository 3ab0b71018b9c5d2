#include "nas/surrogate/gaussian_process.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>

#include "kernels/error.h"
#include "kernels/random.h"
#include "nas/surrogate/gp_fit.h"
#include "tests/support/jsonl.h"

namespace paretiny {
namespace {

Eigen::VectorXd vector_of(const nlohmann::json& list) {
  const auto values = list.get<std::vector<double>>();
  return Eigen::Map<const Eigen::VectorXd>(values.data(), static_cast<Eigen::Index>(values.size()));
}

Eigen::MatrixXd matrix_of(const nlohmann::json& rows) {
  Eigen::MatrixXd matrix(static_cast<Eigen::Index>(rows.size()),
                         static_cast<Eigen::Index>(rows.at(0).size()));
  for (Eigen::Index i = 0; i < matrix.rows(); ++i) {
    matrix.row(i) = vector_of(rows.at(static_cast<std::size_t>(i))).transpose();
  }
  return matrix;
}

Eigen::MatrixXd random_points(Eigen::Index n, Eigen::Index d, std::uint64_t seed) {
  Random random(seed, "gaussian process test");
  return Eigen::MatrixXd::NullaryExpr(n, d, [&] { return random.uniform(); });
}

/// A function whose first coordinate matters most and whose last does not.
Eigen::VectorXd targets(const Eigen::MatrixXd& x) {
  return (6 * x.col(0).array()).sin() + 0.5 * x.col(1).array().square();
}

TEST(GaussianProcess, ReferenceVectors) {
  const std::filesystem::path file =
      std::filesystem::path(PARETINY_SHARED) / "vectors/bo/gp_posterior.jsonl.gz";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is absent";
  for (const auto& row : read_jsonl_gz(file)) {
    const std::string id = row.at("id").get<std::string>();
    GpHyperparameters h;
    h.lengthscales = vector_of(row.at("lengthscales"));
    h.outputscale = row.at("outputscale").get<double>();
    h.noise = row.at("noise").get<double>();
    const GaussianProcess process(
        row.at("kernel") == "rbf" ? KernelKind::rbf : KernelKind::matern52, h,
        matrix_of(row.at("X")), vector_of(row.at("y")));
    const double tolerance = 10 * std::max(1e-12, 1e-16 * row.at("condition_number").get<double>());

    const Eigen::VectorXd mean = vector_of(row.at("posterior_mean_hp"));
    const Eigen::VectorXd variance = vector_of(row.at("posterior_variance_hp"));
    const GpPosterior posterior = process.predict(matrix_of(row.at("Xq")));
    EXPECT_LE((posterior.mean - mean).cwiseAbs().maxCoeff(), tolerance * mean.cwiseAbs().maxCoeff())
        << id;
    EXPECT_LE((posterior.variance - variance).cwiseAbs().maxCoeff(), tolerance * h.outputscale)
        << id;
    const double likelihood = row.at("log_marginal_likelihood_hp").get<double>();
    EXPECT_NEAR(process.log_marginal_likelihood(), likelihood,
                tolerance * std::max(1.0, std::abs(likelihood)))
        << id;
    const Eigen::VectorXd gradient = vector_of(row.at("lml_gradient_hp"));
    EXPECT_LE((process.gradient() - gradient).cwiseAbs().maxCoeff(),
              tolerance * std::max(1.0, gradient.cwiseAbs().maxCoeff()))
        << id;
  }
}

TEST(GaussianProcess, GradientAgreesWithFiniteDifferences) {
  for (const KernelKind kernel : {KernelKind::matern52, KernelKind::rbf}) {
    for (const auto mean : {GaussianProcess::Mean::given, GaussianProcess::Mean::likely}) {
      const Eigen::MatrixXd x = random_points(23, 3, 1);
      const Eigen::VectorXd y = targets(x);
      const auto value = [&](const Eigen::VectorXd& t) {
        GpHyperparameters h;
        h.outputscale = std::exp(t(0));
        h.lengthscales = t.segment(1, 3).array().exp();
        h.noise = std::exp(t(4));
        const GaussianProcess process(kernel, h, x, y, mean);
        return process.log_marginal_likelihood() + log_prior(h);
      };
      const Eigen::VectorXd t = (Eigen::VectorXd(5) << 0.3, -0.5, 0.2, 0.7, -3.0).finished();
      GpHyperparameters h;
      h.outputscale = std::exp(t(0));
      h.lengthscales = t.segment(1, 3).array().exp();
      h.noise = std::exp(t(4));
      Eigen::VectorXd gradient = GaussianProcess(kernel, h, x, y, mean).gradient();
      log_prior(h, &gradient);
      for (Eigen::Index i = 0; i < 5; ++i) {
        const Eigen::VectorXd step = 1e-5 * Eigen::VectorXd::Unit(5, i);
        EXPECT_NEAR(gradient(i), (value(t + step) - value(t - step)) / 2e-5, 1e-6) << i;
      }
    }
  }
}

TEST(GaussianProcess, LikelyMeanIsTheLikeliest) {
  const Eigen::MatrixXd x = random_points(15, 2, 2);
  const Eigen::VectorXd y = targets(x).array() + 7;
  GpHyperparameters h = prior_mode(2);
  const GaussianProcess best(KernelKind::matern52, h, x, y, GaussianProcess::Mean::likely);
  for (const double shift : {-0.1, 0.1}) {
    h.mean = best.hyperparameters().mean + shift;
    EXPECT_LT(GaussianProcess(KernelKind::matern52, h, x, y).log_marginal_likelihood(),
              best.log_marginal_likelihood());
  }
}

TEST(GaussianProcess, PriorModeIsTheMode) {
  const GpHyperparameters mode = prior_mode(5);
  Eigen::VectorXd gradient = Eigen::VectorXd::Zero(7);
  log_prior(mode, &gradient);
  EXPECT_LT(gradient.cwiseAbs().maxCoeff(), 1e-12);
}

TEST(GaussianProcess, FitFindsWhatMatters) {
  const Eigen::MatrixXd x = random_points(60, 4, 3);
  Random random(4, "gaussian process test");
  Eigen::VectorXd y = targets(x);
  for (double& value : y) value += 0.05 * random.normal();
  y = (y.array() - y.mean()) / std::sqrt((y.array() - y.mean()).square().mean());
  const GpHyperparameters mode = prior_mode(4);
  for (const KernelKind kernel : {KernelKind::matern52, KernelKind::rbf}) {
    const GaussianProcess fitted = fit_gaussian_process(kernel, x, y, {mode});
    const GpHyperparameters& h = fitted.hyperparameters();
    EXPECT_LT(h.lengthscales(0), h.lengthscales(3));
    EXPECT_LT(h.noise, 0.05);
    const GaussianProcess start(kernel, mode, x, y, GaussianProcess::Mean::likely);
    EXPECT_GT(fitted.log_marginal_likelihood() + log_prior(h),
              start.log_marginal_likelihood() + log_prior(mode));
    // A stationary point, but for parameters at their bounds.
    Eigen::VectorXd gradient = fitted.gradient();
    log_prior(h, &gradient);
    EXPECT_LT(gradient.segment(1, 4).cwiseAbs().maxCoeff(), 0.1);
    // From its own result a fit stays there, and never does worse.
    const GaussianProcess again = fit_gaussian_process(kernel, x, y, {mode, h});
    EXPECT_GE(again.log_marginal_likelihood() + log_prior(again.hyperparameters()),
              fitted.log_marginal_likelihood() + log_prior(h) - 1e-9);

    const Eigen::MatrixXd fresh = random_points(40, 4, 5);
    const GpPosterior posterior = fitted.predict(fresh);
    const Eigen::VectorXd truth = targets(fresh);
    const Eigen::VectorXd known = targets(x);
    const double scale = std::sqrt((known.array() - known.mean()).square().mean());
    const Eigen::ArrayXd error = posterior.mean.array() - (truth.array() - known.mean()) / scale;
    EXPECT_LT(std::sqrt(error.square().mean()), 0.2);
  }
}

TEST(GaussianProcess, SurvivesHardData) {
  const Eigen::MatrixXd same = Eigen::MatrixXd::Constant(30, 3, 0.5);
  Eigen::VectorXd y = Eigen::VectorXd::LinSpaced(30, -1, 1);
  GpHyperparameters h = prior_mode(3);
  h.noise = 0;  // singular: the jitter carries it
  EXPECT_TRUE(GaussianProcess(KernelKind::rbf, h, same, y).predict(same).mean.allFinite());
  EXPECT_TRUE(fit_gaussian_process(KernelKind::matern52, same, y, {prior_mode(3)})
                  .predict(same)
                  .mean.allFinite());
  const Eigen::MatrixXd x = random_points(30, 3, 6);
  const auto flat =
      fit_gaussian_process(KernelKind::matern52, x, Eigen::VectorXd::Zero(30), {prior_mode(3)});
  EXPECT_NEAR(flat.predict(random_points(5, 3, 7)).mean.cwiseAbs().maxCoeff(), 0, 1e-12);
  const auto one = fit_gaussian_process(KernelKind::rbf, x.topRows(1), Eigen::VectorXd::Ones(1),
                                        {prior_mode(3)});
  EXPECT_NEAR(one.predict(x).mean(3), 1, 1e-12);
}

TEST(GaussianProcess, RefusesBadInput) {
  const Eigen::MatrixXd x = random_points(4, 2, 8);
  const Eigen::VectorXd y = targets(x);
  const auto make = [&](const GpHyperparameters& h, const Eigen::VectorXd& values) {
    return GaussianProcess(KernelKind::rbf, h, x, values);
  };
  EXPECT_THROW(make(prior_mode(3), y), UsageError);
  EXPECT_THROW(make(prior_mode(2), y.head(3)), UsageError);
  EXPECT_THROW(make(prior_mode(2), y * std::nan("")), UsageError);
  GpHyperparameters negative = prior_mode(2);
  negative.lengthscales(1) = -1;
  EXPECT_THROW(make(negative, y), UsageError);
  EXPECT_THROW(make(prior_mode(2), y).predict(random_points(2, 3, 9)), UsageError);
  EXPECT_THROW(fit_gaussian_process(KernelKind::rbf, x, y, {}), UsageError);
}

}  // namespace
}  // namespace paretiny
