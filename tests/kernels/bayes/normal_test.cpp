#include "kernels/bayes/normal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <string>

#include "tests/support/jsonl.h"
#include "tests/support/shared.h"

namespace paretiny::bayes {
namespace {

/// The vectors hold 0 for what is smaller than this.
constexpr double kSubnormal = std::numeric_limits<double>::min();

/// Phi(-t) / phi(t): by erfc where that has all its digits, beyond by Laplace's continued fraction
/// 1 / (t + 1 / (t + 2 / (t + ...))).
long double judge_mills(long double t) {
  if (t < 3) {
    return sqrtl(acosl(-1) / 2) * expl(t * t / 2) * erfcl(t / sqrtl(2));
  }
  long double tail = t;
  for (int k = 400; k >= 1; --k) tail = t + k / tail;
  return 1 / tail;
}

long double judge_excess(long double t) {
  if (t < 3) return 1 - t * judge_mills(t);
  long double tail = t;
  for (int k = 400; k >= 2; --k) tail = t + k / tail;
  return 1 / tail / (t + 1 / tail);
}

TEST(Normal, RatiosHoldEverywhere) {
  std::vector<double> places{0, 1e-300, 1e-12, 1e100};
  for (double t = 1e-3; t < 1e8; t *= 1.01) places.push_back(t);
  for (const double t : places) {
    const auto mills = static_cast<double>(judge_mills(t));
    const auto excess = static_cast<double>(judge_excess(t));
    EXPECT_NEAR(mills_ratio(t), mills, 1e-15 * mills) << t;
    EXPECT_NEAR(excess_ratio(t), excess, 2e-15 * excess) << t;
  }
}

TEST(Normal, KnownValues) {
  EXPECT_DOUBLE_EQ(log_normal_density(0), std::log(0.3989422804014327));
  EXPECT_NEAR(log_normal_cdf(0), std::log(0.5), 1e-15);
  EXPECT_NEAR(log_normal_cdf(-10), -53.23128515051247, 1e-13);
  EXPECT_NEAR(log_normal_cdf(9), -1.1285884059538406e-19, 1e-32);
  EXPECT_EQ(log_normal_cdf(40), 0);
  EXPECT_NEAR(log_normal_cdf(-1e8), -5e15 - 19.3, 1);
  EXPECT_NEAR(log_improvement(0).value, std::log(0.3989422804014327), 1e-15);
  EXPECT_NEAR(log_improvement(0).slope, 0.5 / 0.3989422804014327, 1e-15);
  EXPECT_EQ(log_improvement(1e6).value, std::log(1e6));
}

TEST(Normal, CdfIsErfcWhereThatHolds) {
  for (double z = -5; z <= 8; z += 0.01) {
    const long double tail = erfcl(std::abs(z) / sqrtl(2)) / 2;
    const auto expected = static_cast<double>(z > 0 ? log1pl(-tail) : logl(tail));
    EXPECT_NEAR(log_normal_cdf(z), expected, 1e-14 * std::abs(expected)) << z;
  }
}

TEST(Normal, SlopesAreDerivatives) {
  for (double z = -30; z <= 5; z += 0.37) {
    const double step = 1e-5;
    const double difference =
        (log_improvement(z + step).value - log_improvement(z - step).value) / (2 * step);
    EXPECT_NEAR(log_improvement(z).slope, difference, 1e-6 * std::max(1.0, std::abs(z))) << z;
  }
}

TEST(Normal, IsSeamlessAtZero) {
  const double before = std::nextafter(0.0, -1.0), after = std::nextafter(0.0, 1.0);
  EXPECT_NEAR(log_normal_cdf(before), log_normal_cdf(after), 1e-15);
  EXPECT_NEAR(log_improvement(before).value, log_improvement(after).value, 1e-15);
  EXPECT_NEAR(log_improvement(before).slope, log_improvement(after).slope, 1e-15);
}

TEST(Normal, ReferenceVectors) {
  const auto file = test::shared("vectors/bo/acquisition.jsonl.gz");
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is absent";
  for (const auto& row : read_jsonl_gz(file)) {
    if (row.at("kind") != "ei") continue;
    const std::string id = row.at("id").get<std::string>();
    const double sigma = row.at("sigma").get<double>();
    const double z = (row.at("best").get<double>() - row.at("mu").get<double>()) / sigma;
    const double log_ei = row.at("log_ei").get<double>();
    const double d_mean = row.at("dlog_ei_dmu").get<double>();
    const double d_sigma = row.at("dlog_ei_dsigma").get<double>();
    const LogImprovement ours = log_improvement(z);
    EXPECT_NEAR(ours.value + std::log(sigma), log_ei,
                1e-13 * std::max({1.0, std::abs(log_ei), z * z}))
        << id;
    EXPECT_NEAR(-ours.slope / sigma, d_mean, 1e-13 * std::abs(d_mean)) << id;
    // phi / (sigma h), without a difference on either side of 0.
    const double by_sigma =
        (z <= 0 ? 1 - z * ours.slope : std::exp(log_normal_density(z) - ours.value)) / sigma;
    const double relative = 1e-13 * std::max(1.0, z > 0 ? z * z : 0.0);
    EXPECT_NEAR(by_sigma, d_sigma, relative * std::abs(d_sigma) + kSubnormal / sigma) << id;
  }
}

}  // namespace
}  // namespace paretiny::bayes
