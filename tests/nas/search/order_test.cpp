#include "nas/search/order.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace paretiny::search {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// Trials by letter: d done, f failed, i infeasible after training, s settled before it, r running
/// here, o running elsewhere.
std::vector<study::Trial> trials_of(const std::string& states) {
  std::vector<study::Trial> trials;
  for (const char state : states) {
    study::Trial trial;
    trial.number = static_cast<std::int64_t>(trials.size());
    trial.state = state == 'd'                   ? study::TrialState::done
                  : state == 'f'                 ? study::TrialState::failed
                  : state == 'i' || state == 's' ? study::TrialState::infeasible
                                                 : study::TrialState::running;
    trial.owner = state == 'o' ? "another" : "me";
    trial.objectives = {state == 'd' || state == 'i' ? 0.5 : kNan, state == 'r' ? kNan : 100};
    trial.metrics["macs"] = 7;
    trials.push_back(trial);
  }
  return trials;
}

/// What the next trial is asked with: those known by their letter, "." for pending; "wait".
std::string asked_with(const std::string& states, std::int64_t lag) {
  const std::vector<study::Trial> trials = trials_of(states);
  const auto known =
      known_to_next(trials, lag, [](const study::Trial& trial) { return trial.owner == "me"; });
  if (!known) return "wait";
  EXPECT_EQ(known->size(), trials.size());
  std::string text;
  for (std::size_t i = 0; i < known->size(); ++i) {
    const study::Trial& trial = (*known)[i];
    const bool pending = trial.state == study::TrialState::running;
    text += pending ? '.' : states[i];
    if (!pending) {
      EXPECT_EQ(trial.state, trials[i].state);
    }
    if (pending && states[i] != 'o') {
      for (const double value : trial.objectives) EXPECT_TRUE(std::isnan(value));
      EXPECT_TRUE(trial.metrics.empty());
    }
  }
  return text;
}

TEST(Order, OneJobKnowsAll) {
  EXPECT_EQ(asked_with("", 1), "");
  EXPECT_EQ(asked_with("dfis", 1), "dfis");
  EXPECT_EQ(asked_with("dfir", 1), "wait");
}

TEST(Order, WhatEndedEarlyIsNotKnownEarly) {
  EXPECT_EQ(asked_with("ddddr", 3), "ddd..");
  EXPECT_EQ(asked_with("ddddd", 3), "ddd..");
  EXPECT_EQ(asked_with("dddrr", 3), "ddd..");
  EXPECT_EQ(asked_with("ddrdd", 3), "wait") << "trial 2 is to be known";
  EXPECT_EQ(asked_with("drddd", 4), "wait");
  EXPECT_EQ(asked_with("ddfir", 3), "ddf..");
}

TEST(Order, TheFirstTrialsNeedNoResult) {
  EXPECT_EQ(asked_with("r", 3), ".");
  EXPECT_EQ(asked_with("rr", 3), "..");
  EXPECT_EQ(asked_with("rrr", 3), "wait");
  EXPECT_EQ(asked_with("rd", 3), "..");
}

TEST(Order, WhatIsSettledWithoutTrainingIsKnownAndHoldsNobodyUp) {
  EXPECT_EQ(asked_with("drs", 2), "d.s");
  EXPECT_EQ(asked_with("drsss", 2), "d.sss");
  EXPECT_EQ(asked_with("rsss", 1), "wait");
  EXPECT_EQ(asked_with("rsrs", 3), ".s.s");
}

TEST(Order, OtherProcessesAreNotWaitedFor) {
  EXPECT_EQ(asked_with("dod", 1), "d.d");
  EXPECT_EQ(asked_with("oddd", 2), ".dd.");
}

}  // namespace
}  // namespace paretiny::search
