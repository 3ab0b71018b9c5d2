#include "nas/samplers/methods/climbing_turns.h"

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
  /// Trials that gain so much each.
  void gain(double much, int count = kTurn) {
    for (int i = 0; i < count; ++i) {
      best_ -= much;
      add({best_, best_});
    }
  }
  void fail(int count = kTurn) {
    for (int i = 0; i < count; ++i) add({0.9, 0.9});
  }
  bool climbs() const { return climbs_next(problem_, history_); }

  SamplerProblem problem_ = reals(2, 2);
  History history_;
  double best_ = 0.5;
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
  gain(1e-3);
  gain(5e-4);  // walks: less
  EXPECT_TRUE(climbs());
  gain(6e-4);  // less than before, and still more than walks gained
  EXPECT_TRUE(climbs());
  gain(4e-4);
  EXPECT_FALSE(climbs());
  gain(5e-4);
  EXPECT_FALSE(climbs());
  gain(3e-4);
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

TEST_F(ClimbingTurnsTest, AGainIsWhatAllObjectivesCanLose) {
  for (int i = 0; i < kTurn; ++i) add({0.1 - 0.001 * i, 0.501 + 0.0001 * i});  // much of one...
  EXPECT_TRUE(climbs()) << "of the first, 0.399 beside what was known";
  for (int i = 0; i < kTurn; ++i) add({0.097 - 1e-4 * i, 0.9});
  EXPECT_FALSE(climbs());
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
