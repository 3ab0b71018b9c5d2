#include "nas/report/timeline.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cmath>

#include "nas/report/curves.h"

namespace paretiny::report {
namespace {

std::string at(double seconds) {
  return fmt::format("2026-01-01T{:02}:{:02}:{:06.3f}Z", static_cast<int>(seconds) / 3600,
                     static_cast<int>(seconds) / 60 % 60, std::fmod(seconds, 60));
}

study::Trial trial(std::int64_t number, const std::string& owner, double begin, double end) {
  study::Trial trial;
  trial.number = number;
  trial.owner = owner;
  trial.started = at(begin);
  trial.state = end < 0 ? study::TrialState::running : study::TrialState::done;
  if (end >= 0) trial.finished = at(end);
  return trial;
}

std::vector<std::size_t> lanes_of(const Timeline& timeline) {
  std::vector<std::size_t> lanes;
  for (const Stretch& stretch : timeline.stretches) lanes.push_back(stretch.lane);
  return lanes;
}

TEST(Timeline, AWorkerKeepsItsLane) {
  const Timeline timeline =
      timeline_of({trial(0, "a", 0, 10), trial(1, "b", 0, 4), trial(2, "b", 4, 12),
                   trial(3, "a", 10, 14), trial(4, "b", 12, 14)});
  EXPECT_EQ(timeline.lanes, 2u);
  EXPECT_EQ(lanes_of(timeline), (std::vector<std::size_t>{0, 1, 1, 0, 1}));
  EXPECT_DOUBLE_EQ(timeline.length, 14);
  EXPECT_DOUBLE_EQ(timeline.busy, 1);
  EXPECT_TRUE(timeline.breaks.empty());
}

TEST(Timeline, BusyIsTheShareOfAWorkersOwnTime) {
  // "a" works 2 + 2 of 8 seconds, "b" 2 of 2.
  const Timeline timeline =
      timeline_of({trial(0, "a", 0, 2), trial(1, "b", 2, 4), trial(2, "a", 6, 8)});
  EXPECT_DOUBLE_EQ(timeline.busy, 0.6);
  EXPECT_EQ(timeline.lanes, 1u);
  // Who asks for a black box holds many at once: nothing can be said of it.
  EXPECT_TRUE(std::isnan(timeline_of({trial(0, "a", 0, 5), trial(1, "a", 1, 3)}).busy));
}

TEST(Timeline, ALongPauseIsDrawnShortAndARestartTakesTheLanesThatAreFree) {
  const Timeline timeline =
      timeline_of({trial(0, "a", 0, 10), trial(1, "b", 0, 10), trial(2, "c", 7210, 7220),
                   trial(3, "d", 7210, 7220), trial(4, "c", 7220.1, 7230)});
  EXPECT_EQ(timeline.lanes, 2u);
  ASSERT_EQ(timeline.breaks.size(), 1u);
  const Break& pause = timeline.breaks[0];
  EXPECT_DOUBLE_EQ(pause.at, 10);
  EXPECT_DOUBLE_EQ(pause.seconds, 7200);
  EXPECT_LT(pause.drawn, 1);
  EXPECT_NEAR(timeline.stretches[2].begin, 10 + pause.drawn, 1e-6);
  EXPECT_NEAR(timeline.length, 30 + pause.drawn, 1e-6);
  EXPECT_NEAR(timeline.busy, 49.9 / 50, 1e-6) << "pauses are nobody's working time";
}

TEST(Timeline, ARunningTrialEndsWithTheLastThingKnown) {
  study::Trial waiting;
  waiting.number = 2;
  waiting.state = study::TrialState::waiting;
  const Timeline timeline = timeline_of({trial(0, "a", 0, 10), trial(1, "b", 5, -1), waiting});
  ASSERT_EQ(timeline.stretches.size(), 2u);
  EXPECT_DOUBLE_EQ(timeline.stretches[1].end, 10);
  EXPECT_TRUE(timeline_of({waiting}).stretches.empty());
  EXPECT_TRUE(timeline_of({}).stretches.empty());
}

TEST(Curves, AreErrorsByEpochOrTheFirstObjectiveByStep) {
  const std::vector<CurvePoint> error = curve_of({{1, 2.0, 0.25, 0}, {2, 1.0, 0.75, 0}}, {});
  ASSERT_EQ(error.size(), 2u);
  EXPECT_EQ(error[1].step, 2);
  EXPECT_DOUBLE_EQ(error[1].value, 0.25);
  const std::vector<CurvePoint> told = curve_of({}, {{5, {3.0, 1.0}}});
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].step, 5);
  EXPECT_DOUBLE_EQ(told[0].value, 3.0);
}

TEST(Curves, AreThinnedToTheirEnds) {
  Curves curves;
  for (std::int64_t step = 1; step <= 100; ++step) curves[7].push_back({step, 1.0 / double(step)});
  curves[8] = {{1, 0.5}};
  EXPECT_EQ(thinned(curves, 101).at(7).size(), 100u);
  const Curves fewer = thinned(curves, 20);
  ASSERT_EQ(fewer.at(7).size(), 10u);
  EXPECT_EQ(fewer.at(7).front().step, 1);
  EXPECT_EQ(fewer.at(7).back().step, 100);
  EXPECT_EQ(fewer.at(8).size(), 1u);
}

}  // namespace
}  // namespace paretiny::report
