#include "nas/pareto/boxes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "kernels/bayes/hypervolume_improvement.h"
#include "kernels/core/random.h"
#include "nas/pareto/hypervolume.h"
#include "tests/support/kernels.h"

namespace paretiny::pareto {
namespace {

using Vector = std::vector<double>;

enum class Kind { sphere, uniform, grid };

/// Points in about [0, 1]^m: all non-dominated; some dominated; many ties and duplicates.
Points random_points(Kind kind, std::size_t n, std::size_t m, std::uint64_t seed) {
  Random random(seed, "boxes test");
  Points points(n, Vector(m));
  for (Vector& point : points) {
    double norm = 0;
    for (double& value : point) {
      value = kind == Kind::grid ? static_cast<double>(random.below(5)) / 4 : random.uniform();
      norm += value * value;
    }
    if (kind != Kind::sphere) continue;
    for (double& value : point) value = 1 - value / std::sqrt(norm);
  }
  return points;
}

double level(const Boxes& boxes, std::size_t box, std::size_t end, std::size_t k) {
  const auto index = boxes.corners[(box * 2 + end) * boxes.objectives + k];
  return boxes.levels[k * boxes.level_count() + static_cast<std::size_t>(index)];
}

/// Length of (a's share of objective k) that b has too.
double shared_length(const Boxes& boxes, std::size_t a, std::size_t b, std::size_t k) {
  return std::min(level(boxes, a, 1, k), level(boxes, b, 1, k)) -
         std::max(level(boxes, a, 0, k), level(boxes, b, 0, k));
}

bool disjoint(const Boxes& boxes, std::size_t a, std::size_t b) {
  for (std::size_t k = 0; k < boxes.objectives; ++k) {
    if (shared_length(boxes, a, b, k) <= 0) return true;
  }
  return false;
}

double volume_above(const Boxes& boxes, const Vector& low) {
  double sum = 0;
  for (std::size_t b = 0; b < boxes.count(); ++b) {
    double volume = 1;
    for (std::size_t k = 0; k < boxes.objectives; ++k) {
      volume *= std::max(0.0, level(boxes, b, 1, k) - std::max(low[k], level(boxes, b, 0, k)));
    }
    sum += volume;
  }
  return sum;
}

/// What the points leave of the box [low, reference].
double undominated_volume(Points points, const Vector& low, const Vector& reference) {
  double box = 1;
  for (std::size_t k = 0; k < low.size(); ++k) box *= reference[k] - low[k];
  for (Vector& point : points) {
    for (std::size_t k = 0; k < low.size(); ++k) point[k] = std::max(point[k], low[k]);
  }
  return box - hypervolume(points, reference);
}

void expect_cover(const Points& points, const Vector& reference, std::uint64_t seed) {
  const Boxes boxes = undominated_boxes(points, reference);
  const std::size_t m = reference.size();
  ASSERT_EQ(boxes.objectives, m);
  for (std::size_t k = 0; k < m; ++k) {
    const auto row = boxes.levels.begin() + static_cast<std::ptrdiff_t>(k * boxes.level_count());
    EXPECT_EQ(*row, -std::numeric_limits<double>::infinity());
    EXPECT_EQ(row[static_cast<std::ptrdiff_t>(boxes.level_count()) - 1], reference[k]);
    EXPECT_TRUE(std::is_sorted(row, row + static_cast<std::ptrdiff_t>(boxes.level_count())));
  }
  for (std::size_t b = 0; b < boxes.count(); ++b) {
    for (std::size_t k = 0; k < m; ++k) {
      ASSERT_LT(level(boxes, b, 0, k), level(boxes, b, 1, k)) << "box " << b << " is empty";
    }
    if (boxes.count() > 2000) continue;
    for (std::size_t a = 0; a < b; ++a) ASSERT_TRUE(disjoint(boxes, a, b)) << a << " " << b;
  }
  Random random(seed, "boxes test corners");
  for (int trial = 0; trial < 8; ++trial) {
    Vector low(m);
    for (double& value : low) value = trial == 0 ? -1 : random.uniform(-0.2, 1);
    for (std::size_t k = 0; k < m; ++k) low[k] = std::min(low[k], reference[k]);
    EXPECT_NEAR(volume_above(boxes, low), undominated_volume(points, low, reference),
                trial == 0 ? 1e-12 * std::pow(2.0, static_cast<double>(m)) : 1e-12);
  }
}

TEST(Boxes, CoverWhatIsNotDominatedOnce) {
  for (std::size_t m = 1; m <= 6; ++m) {
    for (const Kind kind : {Kind::sphere, Kind::uniform, Kind::grid}) {
      for (const std::size_t n : {0u, 1u, 2u, 3u, 5u, 9u, 17u, 40u}) {
        if (m > 4 && n > 17) continue;
        SCOPED_TRACE(testing::Message()
                     << m << " objectives, " << n << " points, kind " << static_cast<int>(kind));
        expect_cover(random_points(kind, n, m, n + m), Vector(m, 1.1), n);
        expect_cover(random_points(kind, n, m, n + m), Vector(m, 0.75),
                     n);  // some outside or on it
      }
    }
  }
}

TEST(Boxes, LargeFronts) {
  expect_cover(random_points(Kind::sphere, 200, 2, 1), Vector(2, 1.1), 1);
  expect_cover(random_points(Kind::sphere, 200, 3, 1), Vector(3, 1.1), 1);
  expect_cover(random_points(Kind::sphere, 100, 4, 1), Vector(4, 1.1), 1);
  expect_cover(random_points(Kind::grid, 200, 4, 1), Vector(4, 1), 1);
}

TEST(Boxes, AreAsManyAsLocalUpperBounds) {
  const auto count = [](std::size_t n, std::size_t m) {
    return undominated_boxes(random_points(Kind::sphere, n, m, 7), Vector(m, 1.5)).count();
  };
  for (const std::size_t n : {0u, 1u, 10u, 50u}) {
    EXPECT_EQ(count(n, 1), 1);
    EXPECT_EQ(count(n, 2), n + 1);
    EXPECT_EQ(count(n, 3), 2 * n + 1);
  }
}

TEST(Boxes, KnownExample) {
  const Boxes boxes = undominated_boxes({{1, 2}, {2, 1}, {2, 2}, {1, 2}, {3, 0}}, {3, 3});
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(boxes.levels, (Vector{-infinity, 1, 2, 3, -infinity, 1, 2, 3}));
  EXPECT_EQ(boxes.count(), 3);
  EXPECT_EQ(volume_above(boxes, {0, 0}), 9 - 3);
}

TEST(Boxes, GiveWhatPointsImprove) {
  const auto stream = test::cpu_stream();
  for (std::size_t m = 1; m <= 6; ++m) {
    const Points front = random_points(Kind::uniform, 15, m, m);
    const Points points = random_points(Kind::uniform, 19, m, m + 10);
    const Vector reference(m, 0.8);
    const Boxes boxes = undominated_boxes(front, reference);
    const auto rows = static_cast<std::int64_t>(m);
    const auto q = static_cast<std::int64_t>(points.size());
    Vector means;
    for (std::size_t k = 0; k < m; ++k) {
      for (const Vector& point : points) means.push_back(point[k]);
    }
    const test::Tensor mean(*stream, DType::f64, {1, 1, rows, q}, means);
    const test::Tensor variance(*stream, DType::f64, {1, 1, rows, q}, Vector(means.size(), 0));
    const test::Tensor gain(*stream, DType::f64, {1, 1, 1, q});
    const bayes::BoxCover cover{view(static_cast<const void*>(boxes.levels.data()), DType::f64,
                                     {1, 1, rows, static_cast<std::int64_t>(boxes.level_count())}),
                                view(static_cast<const void*>(boxes.corners.data()), DType::i32,
                                     {static_cast<std::int64_t>(boxes.count()), 1, 2, rows})};
    bayes::hypervolume_improvement(*stream, cover, {.mean = mean, .variance = variance}, gain);
    for (std::size_t i = 0; i < points.size(); ++i) {
      Points with = front;
      with.push_back(points[i]);
      EXPECT_NEAR(gain.values()[i], hypervolume(with, reference) - hypervolume(front, reference),
                  1e-14)
          << m << " objectives, point " << i;
    }
  }
}

TEST(Boxes, RefuseBadInput) {
  EXPECT_THROW(undominated_boxes({{1, 2}}, {}), UsageError);
  EXPECT_THROW(undominated_boxes({{1, 2}}, {1, 1, 1}), UsageError);
  EXPECT_THROW(undominated_boxes({{1, std::nan("")}}, {2, 2}), UsageError);
  EXPECT_THROW(undominated_boxes({{1, -std::numeric_limits<double>::infinity()}}, {2, 2}),
               UsageError);
  EXPECT_THROW(undominated_boxes({}, {std::nan("")}), UsageError);
}

}  // namespace
}  // namespace paretiny::pareto
