#include "nas/surrogate/expected_improvement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <string>

#include "tests/support/jsonl.h"

namespace paretiny {
namespace {

/// The vectors hold 0 for what is smaller than this.
constexpr double kSubnormal = std::numeric_limits<double>::min();

TEST(ExpectedImprovement, KnownValues) {
  EXPECT_DOUBLE_EQ(expected_improvement(0, 1, 0), 0.3989422804014327);  // phi(0)
  EXPECT_NEAR(expected_improvement(-3, 1e-3, 2), 5, 1e-12);
  EXPECT_EQ(expected_improvement(100, 1, 0), 0);
  EXPECT_NEAR(log_normal_cdf(0), std::log(0.5), 1e-15);
  EXPECT_NEAR(log_normal_cdf(-10), -53.23128515051247, 1e-12);
  EXPECT_NEAR(log_normal_cdf(9), -1.1285884059538406e-19, 1e-32);
}

TEST(ExpectedImprovement, SeamlessAtTheTail) {
  const double before = std::nextafter(-4.0, 0.0);
  const double after = std::nextafter(-4.0, -5.0);
  EXPECT_NEAR(log_normal_cdf(before), log_normal_cdf(after), 1e-13);
  const auto a = log_expected_improvement(-before, 1, 0);
  const auto b = log_expected_improvement(-after, 1, 0);
  EXPECT_NEAR(a.value, b.value, 1e-12);
  EXPECT_NEAR(a.d_mean, b.d_mean, 1e-11);
  EXPECT_NEAR(a.d_sigma, b.d_sigma, 1e-11);
}

TEST(ExpectedImprovement, ReferenceVectors) {
  const std::filesystem::path file =
      std::filesystem::path(PARETINY_SHARED) / "vectors/bo/acquisition.jsonl.gz";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is absent";
  for (const auto& row : read_jsonl_gz(file)) {
    if (row.at("kind") != "ei") continue;
    const std::string id = row.at("id").get<std::string>();
    const double mean = row.at("mu").get<double>();
    const double sigma = row.at("sigma").get<double>();
    const double best = row.at("best").get<double>();
    const double z = (best - mean) / sigma;
    const double log_ei = row.at("log_ei").get<double>();
    const double d_mean = row.at("dlog_ei_dmu").get<double>();
    const double d_sigma = row.at("dlog_ei_dsigma").get<double>();
    const auto ours = log_expected_improvement(mean, sigma, best);
    EXPECT_NEAR(ours.value, log_ei, 1e-13 * std::max({1.0, std::abs(log_ei), z * z})) << id;
    EXPECT_NEAR(ours.d_mean, d_mean, 1e-12 * std::abs(d_mean)) << id;
    // Beside the optimum phi(z) underflows, or has lost z^2 / 2 units in its last place.
    const double relative = 1e-12 * std::max(1.0, z > 0 ? z * z : 0.0);
    EXPECT_NEAR(ours.d_sigma, d_sigma, relative * std::abs(d_sigma) + kSubnormal) << id;
    const double ei = row.at("ei").get<double>();
    EXPECT_NEAR(expected_improvement(mean, sigma, best), ei,
                1e-13 * std::max({1.0, std::abs(log_ei), z * z}) * ei + kSubnormal)
        << id;
  }
}

}  // namespace
}  // namespace paretiny
