#include "nas/samplers/methods/climbing_turns.h"

#include <algorithm>
#include <cmath>

#include "kernels/core/random.h"
#include "nas/pareto/hypervolume.h"
#include "nas/samplers/sampler.h"
#include "tests/nas/samplers/sampler_runs.h"

namespace paretiny::samplers {
namespace {

using namespace test;  // NOLINT

/// Two objectives under a reference of 1, two trials of initial design.
class ClimbingTurnsTest : public testing::Test {
 protected:
  ClimbingTurnsTest() {
    problem_.initial = 2;
    problem_.limits = {kNone, kNone};
    add({0.5, 0.5});
    add({0.6, 0.6});
  }

  void add(const Vector& objectives) { history_.push_back(finished(objectives)); }
  /// Trials that gain this share of the hypervolume each.
  void gain(double share, int count = kTurn) {
    for (int i = 0; i < count; ++i) {
      side_ /= std::sqrt(1 - share);
      add({1 - side_, 1 - side_});
    }
  }
  void fail(int count = kTurn) {
    for (int i = 0; i < count; ++i) add(Vector(problem_.reference.size(), 0.9));
  }
  bool climbs() const { return climbs_next(problem_, history_); }

  SamplerProblem problem_ = reals(2, 2);
  History history_;
  double side_ = 0.5;
};

TEST_F(ClimbingTurnsTest, ClimbsAtFirstAndAsLongAsThatGains) {
  EXPECT_TRUE(climbs_next(problem_, {}));
  for (int turn = 0; turn < 10; ++turn) {
    gain(2 * kLittleGain);
    EXPECT_TRUE(climbs());
  }
}

TEST_F(ClimbingTurnsTest, WalksAreTriedWhereClimbingGainsLittle) {
  gain(kLittleGain / 2, kTurn - 1);
  EXPECT_TRUE(climbs());
  gain(kLittleGain / 2, 1);
  EXPECT_FALSE(climbs());
}

TEST_F(ClimbingTurnsTest, WhoGainedMoreGoesOn) {
  gain(1e-5);
  gain(5e-6);  // walks: less
  EXPECT_TRUE(climbs());
  gain(6e-6);  // less than before, and still more than walks gained
  EXPECT_TRUE(climbs());
  gain(4e-6);
  EXPECT_FALSE(climbs());
  gain(5e-6);
  EXPECT_FALSE(climbs());
  gain(3e-6);
  EXPECT_TRUE(climbs());
}

TEST_F(ClimbingTurnsTest, TurnsOfTheWalksDoubleWhileClimbingGainsLess) {
  for (int turns = 2; turns <= 16; turns *= 2) {
    fail();
    for (int i = 0; i < turns; ++i) {
      EXPECT_FALSE(climbs()) << turns << " " << i;
      gain(1e-3);
    }
    EXPECT_TRUE(climbs()) << turns;
  }
  gain(2e-3);
  EXPECT_TRUE(climbs());
  fail();
  for (int i = 0; i < 4; ++i, gain(1e-3)) EXPECT_FALSE(climbs()) << i;
  EXPECT_TRUE(climbs());
}

TEST_F(ClimbingTurnsTest, WhereNothingGainsTheyTakeTurns) {
  for (int round = 0; round < 40; ++round) {
    EXPECT_EQ(climbs(), round % 2 == 0) << round;
    fail();
  }
}

TEST_F(ClimbingTurnsTest, TheInitialDesignHasNoTurn) {
  problem_.initial = 20;
  fail(18 + kTurn - 1);
  EXPECT_TRUE(climbs());
  fail(1);
  EXPECT_FALSE(climbs());
}

TEST_F(ClimbingTurnsTest, WhatIsInFlightDoesNotCountAndWhatFailedDoes) {
  fail(kTurn - 1);
  history_.push_back({{}, Outcome::pending});
  EXPECT_TRUE(climbs());
  history_.push_back({{}, Outcome::failed});
  EXPECT_FALSE(climbs());
}

TEST_F(ClimbingTurnsTest, OnlyBelowTheReferenceIsAGain) {
  for (int i = 1; i <= kTurn; ++i) add({0.1 / i, 1.5});
  EXPECT_FALSE(climbs());
}

TEST_F(ClimbingTurnsTest, AGainIsWhatATrialAloneAddsToTheHypervolume) {
  gain(kLittleGain / 2);
  EXPECT_FALSE(climbs());
  // Strips of width 0.01 beside the square of side 0.5: a hundredth and more of it.
  for (int i = 1; i <= kTurn; ++i) add({0.51 - 0.01 * i, 0.51 - 0.01 * i});
  EXPECT_FALSE(climbs()) << "walks gained more";
  // Far along one objective, next to nothing of the other: less than the walks' last turn.
  for (int i = 1; i <= kTurn; ++i) add({0.1 - 0.01 * i, 0.999});
  EXPECT_TRUE(climbs());
}

TEST_F(ClimbingTurnsTest, GainsAreComparedAsDifferencesOfHypervolumes) {
  problem_ = reals(2, 3);
  problem_.initial = 1;
  problem_.limits = {kNone, kNone, kNone};
  int climbed = 0, walked = 0;
  for (std::uint64_t draw = 0; draw < 100; ++draw) {
    Random random(draw, "turns", 0);
    pareto::Points points;
    // A turn of random trials, and the shares that they gained.
    const auto turn = [&] {
      double gained = 0;
      for (int i = 0; i < kTurn; ++i) {
        const double before = pareto::hypervolume(points, problem_.reference);
        points.push_back({random.uniform(), random.uniform(), random.uniform()});
        add(points.back());
        const double after = pareto::hypervolume(points, problem_.reference);
        gained += (after - before) / after;
      }
      return gained;
    };
    history_.clear();
    points = {{0.7, 0.7, 0.7}};
    add(points.back());
    fail();
    if (turn() == 0) continue;  // walks are given up
    const double walks = turn();
    const double climbing = turn();
    EXPECT_EQ(climbs(), climbing > 0 && climbing >= walks) << draw;
    ++(climbing >= walks ? climbed : walked);
  }
  EXPECT_GT(std::min(climbed, walked), 10);
}

TEST_F(ClimbingTurnsTest, NearerToTheLimitsAndTheReferenceIsAGainUntilOneIsThere) {
  history_.clear();
  problem_.limits = {0.2, kNone};
  const auto climb = [&] { return climbs_next(problem_, history_); };
  for (int i = 0; i < 2 + 2 * kTurn; ++i) add({0.45 - 0.01 * i, 0.5});
  EXPECT_TRUE(climb());
  for (int i = 0; i < 2 * kTurn; ++i) add({0.19, 3 - 0.1 * i});
  EXPECT_TRUE(climb()) << "below the limit, and nearer to the reference";
  for (int i = 0; i < kTurn; ++i) add({0.44, 0.5});
  EXPECT_FALSE(climb());
}

}  // namespace
}  // namespace paretiny::samplers
