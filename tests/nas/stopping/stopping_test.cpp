#include "nas/stopping/stopping.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "nas/pareto/hypervolume.h"
#include "nas/stopping/asha.h"
#include "tests/support/learning_curves.h"

namespace paretiny::stopping {
namespace {

using test::made_history;
using test::made_trial;
using test::played;
using test::running;

StopSpec rule(StopMethod method = StopMethod::hypervolume) {
  StopSpec spec;
  spec.method = method;
  spec.run_on = 0;
  return spec;
}

/// Trial 100 after two of 16 epochs, enlisted, with errors of `error` so far.
StopTrial at_first_decision(const StopSpec& spec, const StopHistory& history, double error,
                            double rom) {
  StopTrial trial = running(made_trial(history.seed, 100).trial, 2);
  trial.objectives = {std::nan(""), rom, 0.45};
  trial.verdict = enlist(spec, history, 100);
  for (CurvePoint& point : trial.course.curve) point.values[0] = error;
  return trial;
}

void expect_equal(const StopVerdict& a, const StopVerdict& b) {
  EXPECT_EQ(a.choice, b.choice);
  EXPECT_EQ(a.reason, b.reason);
  EXPECT_EQ(a.fraction, b.fraction);
  EXPECT_EQ(a.armed, b.armed);
  EXPECT_EQ(a.predicted, b.predicted);
  EXPECT_EQ(a.deviation, b.deviation);
  EXPECT_EQ(a.bound, b.bound);
  EXPECT_TRUE(a.gain == b.gain || (std::isnan(a.gain) && std::isnan(b.gain)));
}

TEST(Stopping, EndsWhatCannotMatterAndNothingElse) {
  const StopSpec spec = rule();
  const StopHistory history = made_history(1, 0, 40);
  const StopVerdict large = judge(spec, history, at_first_decision(spec, history, 0.99, 0.73));
  EXPECT_EQ(large.choice, StopChoice::stop);
  EXPECT_EQ(large.reason, StopReason::hopeless);
  EXPECT_EQ(large.fraction, 0.125);
  EXPECT_LE(large.gain, spec.delta);
  ASSERT_EQ(large.predicted.size(), 3u);
  EXPECT_EQ(large.predicted[1], 0.73);
  EXPECT_EQ(large.deviation[1], 0);
  EXPECT_EQ(large.bound[1], 0.73);
  EXPECT_LT(large.bound[0], large.predicted[0]);
  // The same curve, of the smallest network so far: it is on the front however it ends.
  const StopVerdict small = judge(spec, history, at_first_decision(spec, history, 0.99, 0.01));
  EXPECT_EQ(small.choice, StopChoice::go_on);
  EXPECT_EQ(small.reason, StopReason::hopeful);
  EXPECT_GT(small.gain, spec.delta);
  EXPECT_EQ(small.bound[0], large.bound[0]);
}

/// Whole searches, with a front that grows, against the hypervolume itself.
TEST(Stopping, EndsWhatAddsNoMoreThanDeltaAtItsBest) {
  std::size_t stops = 0, epochs = 0, trials = 0, below = 0;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    StopSpec spec = rule();
    spec.delta = seed % 2 == 0 ? 1e-3 : 0;
    StopHistory history = made_history(seed, 0, 0);
    for (std::int64_t i = 0; i < 60; ++i) {
      const StopTrial whole = made_trial(seed, i).trial;
      const StopTrial ended = played(spec, history, whole);
      epochs += ended.course.curve.size();
      ++trials;
      if (std::isfinite(ended.verdict->gain)) {
        pareto::Points front;
        for (const StopTrial& other : history.trials) {
          if (other.finished) front.push_back(other.objectives);
        }
        const double before = pareto::hypervolume(front, history.reference);
        front.push_back(ended.verdict->bound);
        const double after = pareto::hypervolume(front, history.reference);
        EXPECT_NEAR(ended.verdict->gain, after / before - 1, 1e-12) << seed << " " << i;
        EXPECT_EQ(ended.verdict->gain > spec.delta, ended.finished) << seed << " " << i;
      }
      if (!ended.finished) {
        ++stops;
        below += whole.objectives[0] < ended.verdict->bound[0] ? 1 : 0;
      }
      history.trials.push_back(ended);
    }
  }
  EXPECT_GT(stops, trials / 4);
  EXPECT_LT(epochs, 16 * trials * 3 / 4);
  EXPECT_LE(below, trials / 10);
}

TEST(Stopping, VerdictsDependOnTheirArgumentsAlone) {
  const StopHistory history = made_history(1, 0, 40);
  for (const StopMethod method : {StopMethod::hypervolume, StopMethod::asha}) {
    const StopSpec spec = rule(method);
    const StopTrial trial = at_first_decision(spec, history, 0.9, 0.3);
    expect_equal(judge(spec, history, trial), judge(spec, history, trial));
  }
}

TEST(Stopping, NothingIsStoppedBeforeEnoughHasBeenLearnt) {
  const StopSpec spec = rule();
  const std::size_t fewest = FinalValue::fewest(spec.alpha);
  for (const std::size_t count : {std::size_t{0}, fewest - 1, fewest}) {
    const StopHistory history = made_history(1, 0, static_cast<std::int64_t>(count));
    // Of bounds that few trials calibrate only a hopeless case is below.
    StopTrial trial = at_first_decision(spec, history, 0.99, 0.99);
    trial.objectives[2] = 0.99;
    const StopVerdict verdict = judge(spec, history, trial);
    EXPECT_EQ(verdict.armed, count == fewest);
    EXPECT_EQ(verdict.reason == StopReason::too_few, count < fewest);
    EXPECT_EQ(verdict.choice == StopChoice::stop, count == fewest);
  }
  // A trial that began before that goes on too, and so stays a fair sample.
  StopTrial early = at_first_decision(spec, made_history(1, 0, 5), 0.99, 0.73);
  EXPECT_EQ(judge(spec, made_history(1, 0, 40), early).reason, StopReason::too_few);
  early.verdict.reset();
  EXPECT_EQ(judge(spec, made_history(1, 0, 40), early).choice, StopChoice::go_on);
}

/// Whether a trial calibrates must not depend on its own course.
TEST(Stopping, ATrialWithoutADecisionIsNoMoreExemptThanOthers) {
  const StopSpec spec = rule();
  const StopHistory history = made_history(1, 0, 40);
  const StopTrial one = played(spec, history, made_trial(1, 50, 1).trial);
  EXPECT_TRUE(one.finished);
  EXPECT_TRUE(one.verdict->armed);
  EXPECT_EQ(one.verdict->reason, StopReason::not_due);
}

TEST(Stopping, AShareRunsOnAndShowsHowOftenAStopIsWrong) {
  StopSpec spec = rule();
  spec.run_on = 0.05;
  int drawn = 0;
  for (std::int64_t i = 0; i < 4000; ++i) drawn += is_run_on(spec, 7, i) ? 1 : 0;
  EXPECT_NEAR(drawn, 200, 45);
  EXPECT_EQ(is_run_on(spec, 7, 11), is_run_on(spec, 7, 11));

  spec.run_on = 1;
  StopHistory history = made_history(1, 0, 40);
  StopTrial trial = at_first_decision(spec, history, 0.99, 0.73);
  EXPECT_FALSE(trial.verdict->armed);
  trial.verdict = judge(spec, history, trial);
  EXPECT_EQ(trial.verdict->choice, StopChoice::go_on);
  ASSERT_EQ(trial.verdict->reason, StopReason::runs_on);
  // It keeps the verdict that would have ended it, whatever comes.
  StopTrial later = trial;
  later.course.curve = made_trial(1, 100).trial.course.curve;
  later.course.curve.resize(4);
  for (CurvePoint& point : later.course.curve) point.values[0] = 0;
  expect_equal(judge(spec, history, later), *trial.verdict);

  trial.finished = true;
  trial.objectives = {0.9, 0.73, 0.45};
  history.trials.push_back(trial);
  EXPECT_EQ(count_stops(spec, history).ran_on, 1u);
  EXPECT_EQ(count_stops(spec, history).wrong, 0u);
  EXPECT_EQ(count_stops(spec, history).broken, 0u);
  history.trials.back().objectives[0] = 0.001;  // it was the best of all
  EXPECT_EQ(count_stops(spec, history).wrong, 1u);
  EXPECT_EQ(count_stops(spec, history).broken, 1u);
  history.trials.back().verdict->choice = StopChoice::stop;
  history.trials.back().verdict->reason = StopReason::hopeless;
  EXPECT_EQ(count_stops(spec, history).stopped, 1u);
  EXPECT_EQ(count_stops(spec, history).ran_on, 0u);
}

TEST(Stopping, WithoutNumbersItGoesOn) {
  const StopSpec spec = rule();
  StopHistory history = made_history(1, 0, 40);
  const StopVerdict verdict =
      judge(spec, history, at_first_decision(spec, history, std::nan(""), 0.73));
  EXPECT_EQ(verdict.choice, StopChoice::go_on);
  EXPECT_EQ(verdict.reason, StopReason::unmeasured);
  EXPECT_TRUE(verdict.predicted.empty());
  StopTrial unknown = at_first_decision(spec, history, 0.99, 0.73);
  unknown.objectives[2] = std::nan("");
  EXPECT_EQ(judge(spec, history, unknown).reason, StopReason::unmeasured);
  EXPECT_EQ(judge(rule(StopMethod::asha), history, unknown).reason, StopReason::unmeasured);
  // Nobody measured anything: no validation split.
  for (StopTrial& trial : history.trials) {
    for (CurvePoint& point : trial.course.curve) point.values[0] = std::nan("");
  }
  for (const StopMethod method : {StopMethod::hypervolume, StopMethod::asha}) {
    const StopTrial blind = at_first_decision(rule(method), history, std::nan(""), 0.73);
    EXPECT_EQ(judge(rule(method), history, blind).choice, StopChoice::go_on);
  }
}

TEST(Stopping, BetweenDecisionsTheVerdictStays) {
  const StopSpec spec = rule();
  const StopHistory history = made_history(1, 0, 40);
  StopTrial trial = at_first_decision(spec, history, 0.5, 0.01);
  trial.verdict = judge(spec, history, trial);
  EXPECT_EQ(trial.verdict->reason, StopReason::hopeful);
  const StopVerdict kept = *trial.verdict;
  trial.course.curve.push_back({3.0 / 16, {0.99}, {1.98}});
  expect_equal(judge(spec, history, trial), kept);
  StopSpec off = spec;
  off.method = StopMethod::off;
  EXPECT_FALSE(enlist(off, history, 3).armed);
  EXPECT_EQ(judge(off, history, at_first_decision(off, history, 0.99, 0.73)).reason,
            StopReason::not_due);
}

TEST(Stopping, ConstantErrorsAndTiesAreDecided) {
  const StopSpec spec = rule();
  StopHistory history = made_history(1, 0, 40);
  for (StopTrial& trial : history.trials) {
    trial.objectives = {0.4, 0.5, 0.5};
    for (CurvePoint& point : trial.course.curve) point.values[0] = 0.4;
  }
  StopTrial trial = at_first_decision(spec, history, 0.4, 0.5);
  trial.objectives[2] = 0.5;
  EXPECT_EQ(judge(spec, history, trial).reason, StopReason::hopeless);
  trial.objectives[2] = 0.4;
  EXPECT_EQ(judge(spec, history, trial).reason, StopReason::hopeful);
  // Nothing is feasible yet: whatever is within the reference may matter.
  for (StopTrial& other : history.trials) other.feasible = false;
  trial.objectives[2] = 0.5;
  EXPECT_EQ(judge(spec, history, trial).reason, StopReason::hopeful);
  trial.objectives[2] = 1;
  EXPECT_EQ(judge(spec, history, trial).reason, StopReason::hopeless);
}

TEST(Stopping, SeveralOpenObjectivesShareTheRisk) {
  StopSpec spec = rule();
  StopHistory history = made_history(1, 0, 80);
  history.open.push_back({2, -std::numeric_limits<double>::infinity()});
  const auto widen = [](StopTrial& trial) {
    for (CurvePoint& point : trial.course.curve) {
      point.values.push_back(-2 + point.values[0]);
    }
  };
  for (StopTrial& trial : history.trials) {
    widen(trial);
    trial.objectives[2] = -2 + trial.objectives[0];
  }
  StopTrial trial = at_first_decision(spec, made_history(1, 0, 80), 0.99, 0.73);
  widen(trial);
  trial.objectives[2] = std::nan("");
  const StopVerdict verdict = judge(spec, history, trial);
  EXPECT_EQ(verdict.choice, StopChoice::stop);
  EXPECT_LT(verdict.bound[2], verdict.predicted[2]);
  EXPECT_LT(verdict.predicted[2], -1);
  EXPECT_FALSE(FinalValue::fewest(spec.alpha / 2) == FinalValue::fewest(spec.alpha));
}

TEST(Stopping, ExplainsItself) {
  const StopSpec spec = rule();
  const StopHistory history = made_history(1, 0, 40);
  const std::string text =
      explain(judge(spec, history, at_first_decision(spec, history, 0.99, 0.73)), history,
              {"error", "rom", "ram"});
  for (const char* part : {"after 12 % of its epochs it cannot matter", "error is predicted as",
                           "at best", "% to the hypervolume"}) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
}

TEST(Stopping, RefusesWhatMakesNoSense) {
  const StopHistory history = made_history(1, 0, 5);
  const auto refused = [&](const std::function<void(StopSpec&)>& spoil) {
    StopSpec spec = rule();
    spoil(spec);
    EXPECT_THROW(check_stop_spec(spec), UsageError);
    EXPECT_THROW(enlist(spec, history, 1), UsageError);
  };
  refused([](StopSpec& spec) { spec.alpha = 0; });
  refused([](StopSpec& spec) { spec.alpha = 1; });
  refused([](StopSpec& spec) { spec.alpha = std::nan(""); });
  refused([](StopSpec& spec) { spec.delta = -1; });
  refused([](StopSpec& spec) { spec.run_on = 1.5; });
  refused([](StopSpec& spec) { spec.eta = 1; });
  refused([](StopSpec& spec) { spec.fractions = {0.5, 0.5}; });
  refused([](StopSpec& spec) { spec.fractions = {1}; });
  StopTrial trial = at_first_decision(rule(), history, 0.9, 0.3);
  trial.objectives.pop_back();
  EXPECT_THROW(judge(rule(), history, trial), UsageError);
  trial = at_first_decision(rule(), history, 0.9, 0.3);
  trial.course.x.pop_back();
  EXPECT_THROW(judge(rule(), history, trial), UsageError);
  trial = at_first_decision(rule(), history, 0.9, 0.3);
  trial.course.curve[0].values.clear();
  EXPECT_THROW(judge(rule(), history, trial), UsageError);
}

TEST(Asha, OrdersByFrontsAndThenByDistance) {
  // A front whose ends are (0, 4) and (4, 0), with points between; and two fronts behind.
  const pareto::Points points = {{1, 3}, {4, 0}, {0, 4}, {2, 2}, {3, 3}, {5, 5}, {1, 3}};
  const std::size_t expected[] = {3, 1, 0, 2, 5, 6, 4};
  for (std::size_t i = 0; i < points.size(); ++i) {
    EXPECT_EQ(rung_position(points, i), expected[i]) << i;
  }
  // One objective that varies: its order, the earlier of equals first.
  const pareto::Points errors = {{0.3, 1}, {0.1, 1}, {0.3, 1}, {0.2, 1}};
  const std::size_t by_error[] = {2, 0, 3, 1};
  for (std::size_t i = 0; i < errors.size(); ++i) EXPECT_EQ(rung_position(errors, i), by_error[i]);
  EXPECT_THROW(rung_position({{std::nan("")}}, 0), UsageError);
}

TEST(Asha, OneInEtaGoesOn) {
  const StopSpec spec = rule(StopMethod::asha);
  StopHistory history = made_history(1, 0, 0);
  // Errors alone decide, and the trials come from the best to the worst.
  for (std::int64_t i = 0; i < 16; ++i) {
    StopTrial whole = made_trial(1, i).trial;
    whole.objectives = {0.1, 0.5, 0.5};
    for (CurvePoint& point : whole.course.curve) {
      point.values[0] = 0.1 + 0.01 * static_cast<double>(i);
    }
    const StopTrial ended = played(spec, history, whole);
    // The first has nobody beside it, the others are the last of all so far.
    EXPECT_EQ(ended.finished, i == 0) << i;
    EXPECT_EQ(ended.course.curve.size(), i == 0 ? 16u : 2u);
    history.trials.push_back(ended);
  }
  // One that is better than all goes on to its end, past every rung; so does one of them smaller.
  StopTrial best = made_trial(1, 16).trial;
  best.objectives = {0.01, 0.5, 0.5};
  for (CurvePoint& point : best.course.curve) point.values[0] = 0.01;
  EXPECT_TRUE(played(spec, history, best).finished);
}

TEST(Asha, TellsWhatItExpectsOfAStoppedTrial) {
  const StopSpec spec = rule(StopMethod::asha);
  const StopHistory history = made_history(1, 0, 40);
  const StopVerdict verdict = judge(spec, history, at_first_decision(spec, history, 0.99, 0.73));
  EXPECT_EQ(verdict.choice, StopChoice::stop);
  ASSERT_EQ(verdict.predicted.size(), 3u);
  EXPECT_GT(verdict.deviation[0], 0);
  EXPECT_TRUE(std::isnan(verdict.gain));
}

}  // namespace
}  // namespace paretiny::stopping
