#include "tests/support/problems.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/jsonl.h"

namespace paretiny {
namespace {

/// The suites' problems as the vectors name them.
TestProblem problem_of(const std::string& name, std::size_t inputs, std::size_t objectives) {
  if (name == "DTLZ2") return dtlz2(inputs, objectives);
  if (name == "BraninCurrin") return branin_currin();
  if (name == "VehicleSafety") return vehicle_safety();
  return {};
}

TEST(Problems, ReferenceVectors) {
  const std::filesystem::path file =
      std::filesystem::path(PARETINY_SHARED) / "vectors/bo/problems.jsonl.gz";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is absent";
  int checked = 0;
  for (const auto& row : read_jsonl_gz(file)) {
    auto x = row.at("x").get<std::vector<double>>();
    const auto f = row.at("f").get<std::vector<double>>();
    const TestProblem problem =
        problem_of(row.at("problem").get<std::string>(), x.size(), f.size());
    if (!problem.evaluate) continue;
    const auto lower = row.at("lower").get<std::vector<double>>();
    const auto upper = row.at("upper").get<std::vector<double>>();
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = (x[i] - lower[i]) / (upper[i] - lower[i]);
    const auto ours = problem.evaluate(x);
    ASSERT_EQ(ours.size(), f.size());
    for (std::size_t k = 0; k < f.size(); ++k) {
      EXPECT_NEAR(ours[k], f[k], 1e-12 * std::abs(f[k]) + 1e-15) << row.at("id");
    }
    EXPECT_EQ(problem.reference, row.at("reference").get<std::vector<double>>());
    ++checked;
  }
  EXPECT_GT(checked, 0);
}

}  // namespace
}  // namespace paretiny
