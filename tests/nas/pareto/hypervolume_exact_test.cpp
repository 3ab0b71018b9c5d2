#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "base/error.h"
#include "kernels/core/random.h"
#include "nas/pareto/hypervolume.h"
#include "tests/support/jsonl.h"
#include "tests/support/shared.h"

namespace paretiny::pareto {
namespace {

using Vector = std::vector<double>;

Points random_points(std::size_t n, std::size_t m, std::uint64_t seed, int grid = 0) {
  Random random(seed, "hypervolume test");
  Points points(n, Vector(m));
  for (Vector& point : points) {
    for (double& value : point) {
      value = grid > 0 ? static_cast<double>(random.below(static_cast<std::uint64_t>(grid)))
                       : random.uniform();
    }
  }
  return points;
}

/// The judge: inclusion and exclusion over all subsets.
double by_inclusion_exclusion(const Points& points, const Vector& reference) {
  double sum = 0;
  for (std::size_t subset = 1; subset < (std::size_t{1} << points.size()); ++subset) {
    double box = -1;
    for (std::size_t k = 0; k < reference.size(); ++k) {
      double corner = -std::numeric_limits<double>::infinity();
      for (std::size_t i = 0; i < points.size(); ++i) {
        if (subset >> i & 1) corner = std::max(corner, points[i][k]);
      }
      box *= std::max(0.0, reference[k] - corner);
    }
    for (std::size_t i = 0; i < points.size(); ++i) {
      if (subset >> i & 1) box = -box;
    }
    sum += box;
  }
  return sum;
}

Points without(Points points, std::size_t i) {
  points.erase(points.begin() + static_cast<std::ptrdiff_t>(i));
  return points;
}

TEST(Hypervolume, KnownExample) {
  const Points points{{5, 5}, {4, 6}, {2, 7}, {7, 4}};
  EXPECT_EQ(hypervolume(points, {10, 10}), 38);
  EXPECT_EQ(hypervolume_contributions(points, {10, 10}), (Vector{2, 1, 6, 3}));
}

TEST(Hypervolume, AgreesWithInclusionAndExclusion) {
  for (std::size_t m = 1; m <= 7; ++m) {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      const int grid = seed % 2 == 0 ? 4 : 0;  // ties and duplicates, or none
      const Points points = random_points(1 + seed % 9, m, seed, grid);
      const Vector reference(m, grid > 0 ? 3 : 0.9);
      const double volume = by_inclusion_exclusion(points, reference);
      EXPECT_NEAR(hypervolume(points, reference), volume, 1e-12) << m << " " << seed;
      const Vector counted = hypervolume_contributions(points, reference, Dominated::counted);
      for (std::size_t i = 0; i < points.size(); ++i) {
        const double less = by_inclusion_exclusion(without(points, i), reference);
        EXPECT_NEAR(counted[i], volume - less, 1e-12) << m << " " << seed << " " << i;
        EXPECT_EQ(hypervolume_gain(without(points, i), points[i], reference), counted[i]);
      }
    }
  }
}

/// The same in 4 objectives, which another algorithm is for.
Points with_a_fourth(Points points) {
  for (Vector& point : points) point.push_back(0);
  return points;
}

TEST(Hypervolume, SweepAndBoundsAgreeToTheBit) {
  // Whole numbers: every sum of boxes is exact.
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const int grid = seed % 3 == 0 ? 6 : 1000;  // ties and duplicates, or few of them
    const std::size_t n = 1 + (seed * 7) % 150;
    Points points = random_points(n, 3, seed, grid);
    if (seed % 4 == 1) {
      for (Vector& point : points) point[2] = 2 * grid - point[0] - point[1];  // none dominated
    }
    for (const double bound : {0.6 * grid, 2.5 * grid}) {
      const Vector reference(3, std::floor(bound));
      const Vector and_one{reference[0], reference[1], reference[2], 1};
      const Points padded = with_a_fourth(points);
      EXPECT_EQ(hypervolume(points, reference), hypervolume(padded, and_one)) << seed;
      for (const Dominated dominated : {Dominated::ignored, Dominated::counted}) {
        EXPECT_EQ(hypervolume_contributions(points, reference, dominated),
                  hypervolume_contributions(padded, and_one, dominated))
            << seed << " reference " << bound;
      }
    }
  }
}

TEST(Hypervolume, ALayerOfUnitCubes) {
  // All points of a grid with x + y + z = s: no two cover the same corner of it.
  constexpr double s = 149;
  Points points;
  for (double x = 0; x <= s; ++x) {
    for (double y = 0; x + y <= s; ++y) points.push_back({x, y, s - x - y});
  }
  const Vector reference(3, s + 1);
  const double cubes = (s + 1) * (s + 1) * (s + 1);
  EXPECT_EQ(hypervolume(points, reference), cubes - s * (s + 1) * (s + 2) / 6);
  EXPECT_EQ(hypervolume_contributions(points, reference), Vector(points.size(), 1));
  EXPECT_EQ(non_dominated(points).size(), points.size());
}

TEST(Hypervolume, WhatNoDoubleHoldsIsAnError) {
  for (std::size_t m = 1; m <= 5; ++m) {
    const Points points{Vector(m, -1.7e308), Vector(m, 0.0)};
    const Vector reference(m, 1.7e308);
    EXPECT_THROW(hypervolume(points, reference), DataError) << m;
    EXPECT_THROW(hypervolume_contributions(points, reference), DataError) << m;
    EXPECT_THROW(hypervolume_gain({}, points[0], reference), DataError) << m;
  }
}

TEST(Hypervolume, SmallContributionsKeepTheirDigits) {
  const double gap = 0x1p-40;
  const Points points{{0.5, 0.5, 0.5, 0.5}, {0.5 - gap, 0.5 + gap, 0.5, 0.5}};
  const double exact = gap * (0.5 - gap) * 0.25;
  EXPECT_NEAR(hypervolume_contributions(points, {1, 1, 1, 1})[1], exact, 1e-15 * exact);
}

TEST(Hypervolume, NothingInside) {
  EXPECT_EQ(hypervolume({}, {1, 1, 1}), 0);
  EXPECT_EQ(hypervolume({{1, 0, 0}, {0, 2, 0}}, {1, 1, 1}), 0);
  EXPECT_EQ(hypervolume({{0, std::numeric_limits<double>::infinity(), 0, 0}}, {1, 1, 1, 1}), 0);
  EXPECT_EQ(hypervolume_contributions({{1, 0}, {0.5, 0.5}}, {1, 1}), (Vector{0, 0.25}));
  EXPECT_EQ(hypervolume_gain({}, {1, 0}, {1, 1}), 0);
  EXPECT_EQ(hypervolume_gain({}, {0.5, 0}, {1, 1}), 0.5);
}

TEST(Hypervolume, RefusesBadInput) {
  EXPECT_THROW(hypervolume({{1, 2}}, {}), UsageError);
  EXPECT_THROW(hypervolume({{1, 2}}, {1, 1, 1}), UsageError);
  EXPECT_THROW(hypervolume({{1, std::nan("")}}, {2, 2}), UsageError);
  EXPECT_THROW(hypervolume({{1, -std::numeric_limits<double>::infinity()}}, {2, 2}), UsageError);
  EXPECT_THROW(hypervolume({{1, 1}}, {2, std::nan("")}), UsageError);
  EXPECT_THROW(hypervolume_gain({{1, 2}}, {1, 2, 3}, {2, 2}), UsageError);
}

TEST(Hypervolume, ReferenceVectors) {
  const auto file = test::shared("vectors/bo/hypervolume.jsonl.gz");
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is absent";
  for (const auto& row : read_jsonl_gz(file)) {
    const auto points = row.at("points").get<Points>();
    const auto reference = row.at("reference").get<Vector>();
    const double exact = row.at("hypervolume_exact").get<double>();
    const std::string id = row.at("id").get<std::string>() + row.at("kind").get<std::string>();
    EXPECT_NEAR(hypervolume(points, reference), exact, 1e-12 * exact) << id;
    if (!row.contains("contributions_exact")) continue;
    const auto counted = row.at("contributions_exact").get<Vector>();
    const auto ignored = row.at("contributions_ignore_dominated_exact").get<Vector>();
    const Vector our_counted = hypervolume_contributions(points, reference, Dominated::counted);
    const Vector our_ignored = hypervolume_contributions(points, reference);
    for (std::size_t i = 0; i < points.size(); ++i) {
      EXPECT_NEAR(our_counted[i], counted[i], 1e-12 * exact) << id << " point " << i;
      EXPECT_NEAR(our_ignored[i], ignored[i], 1e-12 * exact) << id << " point " << i;
    }
  }
}

}  // namespace
}  // namespace paretiny::pareto
