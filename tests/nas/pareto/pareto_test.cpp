#include "nas/pareto/pareto.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "base/error.h"
#include "kernels/core/random.h"
#include "tests/support/jsonl.h"
#include "tests/support/shared.h"

namespace paretiny::pareto {
namespace {

using Vector = std::vector<double>;
using Ranks = std::vector<std::size_t>;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Pareto, Dominance) {
  EXPECT_TRUE(dominates({1, 2}, {1, 3}));
  EXPECT_FALSE(dominates({1, 2}, {1, 2}));
  EXPECT_FALSE(dominates({1, 4}, {2, 3}));
  EXPECT_EQ(non_dominated({{2, 2}, {1, 3}, {2, 2}, {3, 3}, {0, 4}}), (Ranks{0, 1, 2, 4}));
  EXPECT_TRUE(non_dominated({}).empty());
}

TEST(Pareto, AFrontIsExtendedByWhatNothingOfItCovers) {
  Points front;
  EXPECT_TRUE(extend_front(front, {2, 2}));
  EXPECT_FALSE(extend_front(front, {2, 2}));
  EXPECT_FALSE(extend_front(front, {2, 3}));
  EXPECT_TRUE(extend_front(front, {1, 3}));
  EXPECT_TRUE(extend_front(front, {2, 1}));
  EXPECT_EQ(front, (Points{{1, 3}, {2, 1}}));
}

TEST(Pareto, TheSweptFrontIsThatOfAllPairs) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed, "pareto test");
    const std::size_t m = 1 + seed % 3;
    Points points(1 + seed % 40, Vector(m));
    for (Vector& point : points) {
      for (double& value : point) value = static_cast<double>(random.below(5));
      if (random.below(10) == 0) point[0] = random.below(2) == 0 ? kInfinity : -kInfinity;
    }
    Ranks kept;
    for (std::size_t i = 0; i < points.size(); ++i) {
      const auto beats = [&](const Vector& other) { return dominates(other, points[i]); };
      if (std::none_of(points.begin(), points.end(), beats)) kept.push_back(i);
    }
    EXPECT_EQ(non_dominated(points), kept) << seed;
  }
}

TEST(Pareto, RanksAndCrowding) {
  const Points points{{0, 4}, {1, 1}, {4, 0}, {2, 2}, {5, 5}};
  const Ranks ranks = non_dominated_ranks(points);
  EXPECT_EQ(ranks, (Ranks{0, 0, 0, 1, 2}));
  EXPECT_EQ(crowding_distances(points, ranks),
            (Vector{kInfinity, 2, kInfinity, kInfinity, kInfinity}));
}

TEST(Pareto, ConstrainedRanks) {
  EXPECT_EQ(constraint_violations({{-1, 0.5}, {-2, -3}, {2, 1}}), (Vector{0.5, 0, 3}));
  EXPECT_EQ(constrained_ranks({{0, 0}, {2, 2}, {1, 1}, {3, 3}}, {0.5, 0, 0.5, 0}),
            (Ranks{2, 0, 2, 1}));
}

TEST(Pareto, RefusesBadInput) {
  EXPECT_THROW(non_dominated({{1, 2}, {1}}), UsageError);
  EXPECT_THROW(non_dominated_ranks({{1, std::nan("")}}), UsageError);
  EXPECT_THROW(constrained_ranks({{1, 2}}, {}), UsageError);
  EXPECT_THROW(crowding_distances({{1, 2}}, {0, 0}), UsageError);
}

Vector crowding_of(const nlohmann::json& list) {
  Vector values;
  for (const auto& entry : list)
    values.push_back(entry.is_null() ? kInfinity : entry.get<double>());
  return values;
}

void expect_crowding(const Vector& got, const Vector& wanted, const std::string& id) {
  ASSERT_EQ(got.size(), wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (std::isinf(wanted[i])) {
      EXPECT_EQ(got[i], wanted[i]) << id << " point " << i;
    } else {
      EXPECT_NEAR(got[i], wanted[i], 1e-12 * wanted[i]) << id << " point " << i;
    }
  }
}

TEST(Pareto, ReferenceVectors) {
  const auto file = test::shared("vectors/bo/dominance.jsonl.gz");
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is absent";
  for (const auto& row : read_jsonl_gz(file)) {
    const std::string id = row.at("id").get<std::string>();
    const auto points = row.at("points").get<Points>();
    const auto rank = row.at("rank").get<Ranks>();
    EXPECT_EQ(non_dominated_ranks(points), rank) << id;
    Ranks front;
    for (std::size_t i = 0; i < rank.size(); ++i) {
      if (rank[i] == 0) front.push_back(i);
    }
    EXPECT_EQ(non_dominated(points), front) << id;
    // Ties too: the stable order is part of our contract.
    expect_crowding(crowding_distances(points, rank), crowding_of(row.at("crowding")), id);

    if (!row.contains("constraints")) continue;
    const Vector violations = constraint_violations(row.at("constraints").get<Points>());
    const auto wanted = row.at("violation").get<Vector>();
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_NEAR(violations[i], wanted[i], 1e-12 * wanted[i]) << id << " point " << i;
    }
    const Ranks ranks = constrained_ranks(points, wanted);
    EXPECT_EQ(ranks, row.at("constrained_rank").get<Ranks>()) << id;
    expect_crowding(crowding_distances(points, ranks), crowding_of(row.at("constrained_crowding")),
                    id);
  }
}

}  // namespace
}  // namespace paretiny::pareto
