#include "nas/samplers/acquisition/knowledge.h"

#include "kernels/core/random.h"
#include "tests/nas/samplers/sampler_runs.h"

namespace paretiny::samplers {
namespace {

using namespace test;  // NOLINT

SamplerProblem constrained() {
  auto problem = reals(1, 2);
  problem.limits = {kNone, 2};
  problem.constraints = 1;
  return problem;
}

Observation told(double x, Outcome outcome, Vector objectives, Vector constraints) {
  return {{x}, outcome, std::move(objectives), std::move(constraints)};
}

TEST(Knowledge, BeyondASizeSurrogatesLearnFromTheFrontAndItsNeighbours) {
  SamplerProblem problem = reals(2, 2);
  std::vector<Observation> history;
  Random random(1, "many trials");
  for (int i = 0; i < 2500; ++i) {
    const double x = random.uniform(), y = random.uniform();
    const bool failed = i % 5 == 4;
    history.push_back({{x, y},
                       failed ? Outcome::failed : Outcome::finished,
                       failed ? Vector{} : Vector{x + y, 1 - x + y},
                       {}});
  }
  const Knowledge k(problem, history);
  EXPECT_EQ(k.trials.size(), 2000u);
  EXPECT_EQ(k.learnt.size(), kMostLearnt);
  ASSERT_EQ(k.sets.size(), 3u);
  for (const auto& set : k.sets) EXPECT_EQ(set.y.size(), static_cast<Eigen::Index>(kMostLearnt));
  constexpr std::size_t kFailures = kMostLearnt / 4;
  EXPECT_EQ(k.sets[2].y.sum(), static_cast<double>(kFailures)) << "of failure";
  const auto learns = [&](std::size_t i) {
    return std::binary_search(k.learnt.begin(), k.learnt.end(), i);
  };
  for (const std::size_t member : k.front) EXPECT_TRUE(learns(member));
  // y is the distance from the front: all near trials are there, and some of the others.
  std::size_t near = 0, missed = 0, far = 0;
  for (std::size_t i = 0; i < k.trials.size(); ++i) {
    const double y = k.measured(static_cast<Eigen::Index>(i), 1);
    if (y < 0.1) ++(learns(i) ? near : missed);
    if (y > 0.5 && learns(i)) ++far;
  }
  EXPECT_GT(near, 150u);
  EXPECT_EQ(missed, 0u);
  EXPECT_GT(far, 100u);
  EXPECT_EQ(evenly(3, 5), (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_EQ(evenly(10, 4), (std::vector<std::size_t>{0, 2, 5, 7}));
}

TEST(Knowledge, SortsWhatBecameOfTrials) {
  const Knowledge k(
      constrained(),
      {told(0.0, Outcome::finished, {5, 1}, {-1}), told(0.1, Outcome::finished, {4, 1.5}, {-1}),
       told(0.2, Outcome::finished, {6, 1}, {-1}),   // dominated
       told(0.3, Outcome::finished, {1, 4}, {-1}),   // over a limit
       told(0.4, Outcome::finished, {1, 1}, {0.5}),  // constraint
       told(0.5, Outcome::infeasible, {kNan, 3}, {}), told(0.6, Outcome::failed, {}, {}),
       told(0.7, Outcome::finished, {kNan, 1}, {0}), told(0.8, Outcome::pending, {}, {})});
  EXPECT_EQ(k.trials.size(), 6u);
  EXPECT_EQ(k.failed.rows(), 2);
  EXPECT_EQ(k.failed(1, 0), 0.7);
  EXPECT_EQ(k.pending.rows(), 1);
  EXPECT_EQ(k.front, (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(k.anchors.rows(), 2);
  EXPECT_EQ(k.front_points(), (pareto::Points{{5, 1}, {4, 1.5}}));
  EXPECT_DOUBLE_EQ(k.trials[3].violation, 2);
  EXPECT_DOUBLE_EQ(k.trials[4].violation, 0.5);
  ASSERT_EQ(k.sets.size(), 4u);
  EXPECT_EQ(k.sets[0].y.size(), 5);
  EXPECT_EQ(k.sets[1].y.size(), 6);
  EXPECT_EQ(k.sets[2].y.size(), 5);
  EXPECT_DOUBLE_EQ(k.sets[1].y(3), 4);
  EXPECT_DOUBLE_EQ(k.sets[0].y(0), 5);
  // Failure: six trials came through, two did not.
  EXPECT_EQ(k.quantities[3].number, 3u);
  EXPECT_EQ(k.sets[3].y, (Eigen::VectorXd(8) << 0, 0, 0, 0, 0, 0, 1, 1).finished());
  EXPECT_EQ(k.sets[3].x(6, 0), 0.6);
}

TEST(Knowledge, StoppedTrialsArePredictionsAndOnNoFront) {
  auto problem = reals(1, 2);
  problem.limits = {3, kNone};
  Observation stopped{{0.5}, Outcome::stopped, {0, 0}, {}, {0.25, 0}};
  Observation poor{{0.6}, Outcome::stopped, {6, 1}, {}, {0.5, 0}};
  const Knowledge k(problem, {told(0.0, Outcome::finished, {1, 1}, {}), stopped, poor,
                              told(0.2, Outcome::finished, {2, 0.5}, {})});
  EXPECT_EQ(k.front_points(), (pareto::Points{{1, 1}, {2, 0.5}}));
  EXPECT_EQ(k.anchors.rows(), 2);
  ASSERT_EQ(k.sets.size(), 2u) << "a stopped trial is no failure";
  EXPECT_EQ(k.sets[0].y.size(), 4);
  ASSERT_EQ(k.sets[0].deviation.size(), 4);
  EXPECT_EQ(k.sets[0].deviation(0), 0);
  EXPECT_EQ(k.sets[0].deviation(1), 0.25);
  EXPECT_EQ(k.sets[0].deviation(2), 0.5);
  EXPECT_EQ(k.sets[1].deviation.size(), 0) << "what is known before training is no guess";
  EXPECT_FALSE(k.trials[1].complete);
}

TEST(Knowledge, BeforeAnythingIsFeasibleTheLeastViolationLeads) {
  const Knowledge some(constrained(), {told(0.0, Outcome::infeasible, {kNan, 2.1}, {}),
                                       told(0.1, Outcome::finished, {1, 4}, {-1}),
                                       told(0.2, Outcome::finished, {1, 3}, {-1})});
  EXPECT_TRUE(some.front.empty());
  ASSERT_EQ(some.anchors.rows(), 1);
  EXPECT_EQ(some.anchors(0, 0), 0.2);  // complete before incomplete
  const Knowledge none(constrained(), {told(0.0, Outcome::infeasible, {kNan, 2.1}, {}),
                                       told(0.1, Outcome::infeasible, {kNan, 2.5}, {})});
  ASSERT_EQ(none.anchors.rows(), 1);
  EXPECT_EQ(none.anchors(0, 0), 0.0);
  ASSERT_EQ(none.quantities.size(), 1u);
  EXPECT_EQ(none.quantities[0].number, 1u);
  EXPECT_EQ(Knowledge(constrained(), {}).anchors.rows(), 0);
}

}  // namespace
}  // namespace paretiny::samplers
