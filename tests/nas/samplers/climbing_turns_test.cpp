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
  void gain() {
    best_ *= 0.99;
    add({best_, best_});
  }
  void fail(int count = 1) {
    for (int i = 0; i < count; ++i) add({0.9, 0.9});
  }
  bool climbs() const { return climbs_next(problem_, history_); }
  /// Trials without a gain, one of `every`, until the other way is taken.
  int turn(int every = 1000) {
    const bool before = climbs();
    int count = 0;
    for (; climbs() == before; ++count) count % every == every - 1 ? gain() : fail();
    return count;
  }

  SamplerProblem problem_ = reals(2, 2);
  History history_;
  double best_ = 0.4;
};

TEST_F(ClimbingTurnsTest, ClimbsAtFirstAndAsLongAsThatGains) {
  EXPECT_TRUE(climbs_next(problem_, {}));
  for (int i = 0; i < 10; ++i) {
    fail(kPatience - 1);
    EXPECT_TRUE(climbs());
    gain();
  }
}

TEST_F(ClimbingTurnsTest, TurnsOfTheWalksDoubleWhileClimbingGainsNothing) {
  EXPECT_EQ(turn(), kPatience);
  EXPECT_EQ(turn(2), kPatience);
  EXPECT_EQ(turn(), kPatience);
  EXPECT_EQ(turn(2), 2 * kPatience);
  EXPECT_EQ(turn(), kPatience);
  EXPECT_EQ(turn(2), 4 * kPatience);
  gain();
  EXPECT_EQ(turn(), kPatience);
  EXPECT_EQ(turn(2), kPatience);
}

TEST_F(ClimbingTurnsTest, WalksThatGainNothingEndTheirTurn) {
  for (int round = 0; round < 40; ++round) EXPECT_EQ(turn(), kPatience) << round;
}

TEST_F(ClimbingTurnsTest, TheInitialDesignHasNoTurn) {
  problem_.initial = 20;
  fail(15);
  EXPECT_TRUE(climbs());
}

TEST_F(ClimbingTurnsTest, WhatIsInFlightDoesNotCountAndWhatFailedDoes) {
  fail(kPatience - 1);
  history_.push_back({{}, Outcome::pending});
  EXPECT_TRUE(climbs());
  history_.push_back({{}, Outcome::failed});
  EXPECT_FALSE(climbs());
}

TEST_F(ClimbingTurnsTest, OnlyBelowTheReferenceIsAGain) {
  for (int i = 1; i <= kPatience; ++i) add({0.1 / i, 1.5});
  EXPECT_FALSE(climbs());
}

TEST_F(ClimbingTurnsTest, WithoutAFeasibleTrialLessViolationIsAGain) {
  problem_.limits = {0.2, kNone};
  for (int i = 0; i < 2 * kPatience; ++i) add({0.45 - 0.01 * i, 0.5});
  EXPECT_TRUE(climbs());
  for (int i = 0; i < kPatience; ++i) add({0.44, 0.5});
  EXPECT_FALSE(climbs());
}

}  // namespace
}  // namespace paretiny::samplers
