#include "nas/summary/summary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "nas/pareto/hypervolume.h"
#include "nas/report/fit/importance.h"
#include "nas/summary/format.h"
#include "nas/summary/scales.h"
#include "tests/nas/report/made_trials.h"

namespace paretiny::summary {

using study::Trial;

namespace {

using namespace test;

TEST(Summary, CountsFrontAndHypervolume) {
  const auto objectives = example_header().objectives;
  std::vector<Trial> trials = made_trials(60);
  trials[5].state = study::TrialState::failed;
  trials[5].objectives.assign(4, kNan);
  trials[6].objectives[0] = 0.7;  // trained, but outside the limit of the error
  const StudySummary summary = summarise(objectives, trials);

  double worst_flops = 0;
  for (const Trial& trial : trials) {
    if (trial.state == study::TrialState::done)
      worst_flops = std::max(worst_flops, trial.objectives[3]);
  }
  EXPECT_EQ(summary.scales, (std::vector<double>{0.5, 256000, 64000, 1.1 * worst_flops}));

  // Front by definition.
  std::vector<std::size_t> front;
  pareto::Points scaled;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (!is_feasible(objectives, trials[i])) continue;
    bool beaten = false;
    for (const Trial& other : trials) {
      beaten = beaten || (is_feasible(objectives, other) &&
                          pareto::dominates(other.objectives, trials[i].objectives));
    }
    if (!beaten) front.push_back(i);
    scaled.push_back(trials[i].objectives);
    for (std::size_t m = 0; m < 4; ++m) scaled.back()[m] /= summary.scales[m];
  }
  std::vector<std::size_t> found = summary.front;
  for (std::size_t i = 1; i < found.size(); ++i) {
    EXPECT_LE(trials[found[i - 1]].objectives[0], trials[found[i]].objectives[0]);
  }
  EXPECT_EQ(summary.best, found.front());
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, front);
  EXPECT_GT(front.size(), 3u);

  ASSERT_EQ(summary.hypervolume.size(), trials.size());
  EXPECT_NEAR(summary.hypervolume.back(), pareto::hypervolume(scaled, {1, 1, 1, 1}), 1e-12);
  EXPECT_TRUE(std::is_sorted(summary.hypervolume.begin(), summary.hypervolume.end()));
  EXPECT_EQ(summary.count[static_cast<std::size_t>(study::TrialState::failed)], 1u);
  EXPECT_NEAR(summary.computing, 60 * 3.5, 1e-6);
  EXPECT_NEAR(summary.elapsed, 3.5, 1e-6);
}

TEST(Summary, ScalesWithoutLimits) {
  const std::vector<study::Objective> objectives = {
      {"error", "", {}, "", {}, study::Measure::share},
      {"rom", "B", {}, "", {}, study::Measure::size}};
  EXPECT_EQ(objective_scales(objectives, {}), (std::vector<double>{1, 1}));
  const StudySummary none = summarise(objectives, {});
  EXPECT_TRUE(none.front.empty());
  EXPECT_FALSE(none.best);
}

TEST(Summary, ScalesReachWhatWasMeasuredOutsideTheBounds) {
  const std::vector<study::Objective> objectives = {{"loss", "", {}, ""}, {"seconds", "", {}, ""}};
  std::vector<Trial> trials(4);
  trials[0].state = study::TrialState::done;
  trials[0].objectives = {2, 3};
  trials[1].state = study::TrialState::infeasible;
  trials[1].objectives = {10, -4};
  trials[2].state = study::TrialState::infeasible;
  trials[2].objectives = {kNan, 50};
  trials[3].state = study::TrialState::running;
  EXPECT_EQ(objective_origins(objectives, trials), (std::vector<double>{2, -4}));
  EXPECT_EQ(objective_scales(objectives, trials), (std::vector<double>{1.1 * 8, 1.1 * 7}));
}

TEST(Summary, AnObjectiveOfABlackBoxIsANumberWhateverItsName) {
  std::vector<study::Trial> trials(3);
  for (std::size_t i = 0; i < trials.size(); ++i) {
    trials[i].state = study::TrialState::done;
    trials[i].objectives = {100.0 + 50.0 * static_cast<double>(i)};
  }
  const std::vector<study::Objective> box = {{"error", "", {}, ""}};
  EXPECT_EQ(objective_reference(box, trials), (std::vector<double>{100 + 1.1 * 100}));
  EXPECT_EQ(format_quantity(box[0], 0.5), "0.5");
  EXPECT_GT(summarise(box, trials).hypervolume.back(), 0.5);
  const std::vector<study::Objective> search = {{"error", "", {}, "", {}, study::Measure::share}};
  EXPECT_EQ(objective_reference(search, trials), (std::vector<double>{1}));
  EXPECT_EQ(format_quantity(search[0], 0.5), "50 %");
}

TEST(Summary, HypervolumeHasNoUnits) {
  const std::vector<study::Objective> plain = {{"loss", "", {}, ""}, {"cost", "", {}, "", 8.0}};
  for (const double a : {1e-12, 1e-9, 1e12}) {
    for (const double b : {0.0, 5 * a}) {
      std::vector<study::Objective> scaled = plain;
      scaled[1].reference = 8 * a + b;
      std::vector<study::Trial> trials(12), others;
      for (std::size_t i = 0; i < trials.size(); ++i) {
        trials[i].state = study::TrialState::done;
        const auto x = static_cast<double>(i);
        trials[i].objectives = {std::abs(x - 3), 12 - x};
      }
      others = trials;
      for (study::Trial& trial : others) {
        for (double& value : trial.objectives) value = a * value + b;
      }
      EXPECT_NEAR(summarise(scaled, others).hypervolume.back(),
                  summarise(plain, trials).hypervolume.back(), 1e-9);
    }
  }
}

TEST(Summary, SaysWhetherTheReferenceIsReached) {
  std::vector<study::Objective> objectives = {{"loss", "", {}, "", 1.0}, {"cost", "", 5.0, "5"}};
  std::vector<study::Trial> trials(2);
  trials[0].state = trials[1].state = study::TrialState::done;
  trials[0].objectives = {1, 2};
  trials[1].objectives = {0.5, 6};
  EXPECT_FALSE(reference_reached(objectives, trials)) << "the one below is above a limit";
  trials[1].objectives = {0.5, 5};
  EXPECT_TRUE(reference_reached(objectives, trials));
}

TEST(ImportanceTest, FindsWhatMattersWhateverTheScale) {
  std::vector<Trial> trials = made_trials(80);
  const std::vector<std::string> names = report::parameter_names(trials);
  ASSERT_EQ(names, (std::vector<std::string>{"depth", "idle", "kernel", "width"}));
  const std::vector<report::Importance> result = report::parameter_importance(4, names, trials);
  for (const report::Importance& item : result) {
    EXPECT_GT(item.fit, 0.6);
    EXPECT_GT(item.shares[3], 0.5) << "width rules";
    EXPECT_LT(item.shares[1], 0.05) << "idle does nothing";
  }
  EXPECT_GT(result[1].shares[0], 0.01) << "depth adds to the size";
  EXPECT_LT(result[0].trials, result[1].trials) << "the error is known of trained trials only";

  for (Trial& trial : trials) {
    double& width = std::get<double>(trial.values["width"]);
    width = std::log(width);
    trial.objectives[1] = std::exp(trial.objectives[1] / 1e4);
  }
  const std::vector<report::Importance> again = report::parameter_importance(4, names, trials);
  for (std::size_t p = 0; p < names.size(); ++p) {
    EXPECT_DOUBLE_EQ(again[1].shares[p], result[1].shares[p]);
  }
}

TEST(ImportanceTest, ClaimsNothingFromNoise) {
  Random random(1, "noise");
  std::vector<Trial> trials = made_trials(60);
  for (Trial& trial : trials) trial.objectives = {random.uniform(), 1, kNan, random.uniform()};
  const auto result = report::parameter_importance(4, report::parameter_names(trials), trials);
  EXPECT_LT(result[0].fit, 0.15);
  EXPECT_EQ(result[1].fit, 0) << "constant";
  EXPECT_EQ(result[2].trials, 0u);
  EXPECT_EQ(report::parameter_importance(4, report::parameter_names(trials), made_trials(5))[1].fit,
            0);
}

TEST(ImportanceTest, BearsParametersThatDoNotVary) {
  std::vector<Trial> trials = made_trials(30);
  for (Trial& trial : trials) trial.values = {{"constant", std::int64_t{1}}};
  const report::Importance item = report::parameter_importance(4, {"constant"}, trials)[1];
  EXPECT_EQ(item.fit, 0);
  EXPECT_EQ(item.shares, std::vector<double>{0});
}

}  // namespace
}  // namespace paretiny::summary
