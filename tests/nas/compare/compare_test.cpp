#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "base/error.h"
#include "nas/compare/collection.h"
#include "nas/compare/pictures.h"
#include "nas/compare/rank_sum.h"
#include "nas/compare/svg.h"
#include "nas/pareto/hypervolume.h"

namespace paretiny::compare {

using problems::make_problem;

namespace {

using Vector = std::vector<double>;

TEST(RankSum, CountsEveryOrderOfSmallSamples) {
  EXPECT_NEAR(rank_sum_p({1, 2, 3}, {4, 5, 6}), 2.0 / 20, 1e-12);
  EXPECT_NEAR(rank_sum_p({4, 5, 6}, {1, 2, 3}), 2.0 / 20, 1e-12);
  EXPECT_NEAR(rank_sum_p({1, 2, 3, 4, 5}, {6, 7, 8, 9, 10}), 2.0 / 252, 1e-12);
  EXPECT_NEAR(rank_sum_p({1, 4}, {2, 3}), 1, 1e-12);
  // The larger mean may be on the other side.
  EXPECT_TRUE(tends_larger({4, 5, 6, 7, -100}, {0, 1, 2, 3}));
  EXPECT_FALSE(tends_larger({0, 1, 2, 3}, {4, 5, 6, 7, -100}));
  EXPECT_FALSE(tends_larger({1, 4}, {2, 3}));
  // One pair the other way round: the two orders of least U and one more at each end.
  EXPECT_NEAR(rank_sum_p({1, 2, 4}, {3, 5, 6}), 4.0 / 20, 1e-12);
  // SciPy's mannwhitneyu, method exact.
  EXPECT_NEAR(rank_sum_p({19, 22, 16, 29, 24}, {20, 11, 17, 12}), 0.11111111111111112, 1e-12);
}

TEST(RankSum, ApproximatesWhereThereAreTies) {
  EXPECT_NEAR(rank_sum_p({1, 1, 1}, {1, 1, 1}), 1, 1e-12);
  const double p = rank_sum_p({1, 2, 2, 3, 3, 4}, {3, 4, 5, 5, 6, 7});
  EXPECT_GT(p, 0.01);
  EXPECT_LT(p, 0.05);
  EXPECT_TRUE(std::isnan(rank_sum_p({}, {1})));
  Vector low(40);
  Vector high(40);
  for (std::size_t i = 0; i < 40; ++i) {
    low[i] = static_cast<double>(i);
    high[i] = static_cast<double>(i) + 20.5;
  }
  EXPECT_LT(rank_sum_p(low, high), 1e-6);
  EXPECT_NEAR(rank_sum_p(low, low), 1, 1e-12);
}

TEST(SignedRanks, TellShiftedPairs) {
  EXPECT_EQ(signed_rank_p({}), 1);
  EXPECT_EQ(signed_rank_p({0, 0}), 1);
  EXPECT_NEAR(signed_rank_p({1, -1, 2, -2}), 1, 1e-12);
  Vector up;
  for (int i = 1; i <= 12; ++i) up.push_back(i);
  // SciPy's wilcoxon, method approx with the correction.
  EXPECT_NEAR(signed_rank_p(up), 0.0025264, 1e-6);
  for (double& d : up) d = -d;
  EXPECT_NEAR(signed_rank_p(up), 0.0025264, 1e-6);
}

TEST(Friedman, TellsColumnsThatAlwaysRankAlike) {
  EXPECT_TRUE(std::isnan(friedman_p({{1, 2}})));
  EXPECT_NEAR(friedman_p({{1, 2, 3}, {3, 2, 1}}), 1, 1e-12);
  // Chi squared 2 n = 12 of two degrees of freedom.
  EXPECT_NEAR(friedman_p(std::vector<Vector>(6, {1, 2, 3})), std::exp(-6), 1e-9);
}

RunPlan plan_of(const std::string& sampler, std::uint64_t seed, std::size_t trials = 12) {
  return {sampler, {}, seed, trials, 6};
}

/// Hypervolume of the first trials of a run, recomputed from where they were.
double volume_after(const problems::Problem& problem, const SamplerRun& run, std::size_t trials) {
  pareto::Points points;
  for (std::size_t t = 0; t < trials; ++t) {
    const problems::Response e = problem.evaluate(run.trials[t].x);
    if (e.constraints.empty() || e.constraints[0] <= 0) points.push_back(e.objectives);
  }
  return pareto::hypervolume(points, problem.reference);
}

TEST(SamplerRuns, FollowTheFeasibleHypervolume) {
  for (const char* name : {"BraninCurrin", "ConstrainedBraninCurrin"}) {
    const problems::Problem problem = make_problem(name);
    const auto run = run_sampler(problem, plan_of("sobol", 3, 60));
    ASSERT_TRUE(run);
    ASSERT_EQ(run->trials.size(), 60u);
    for (const std::size_t t : {1, 10, 33, 60}) {
      EXPECT_NEAR(run->trials[t - 1].hypervolume, volume_after(problem, *run, t), 1e-9) << name;
    }
    EXPECT_GT(run->trials.back().hypervolume, 0);
  }
  EXPECT_EQ(run_sampler(make_problem("DTLZ2:d=5"), plan_of("lhs", 1))->trials[0].x.size(), 5u);
}

TEST(SamplerRuns, AreTheSameOnAnyNumberOfThreads) {
  const problems::Problem problem = make_problem("VehicleSafety");
  std::vector<RunPlan> plans;
  for (std::uint64_t seed = 0; seed < 7; ++seed) plans.push_back(plan_of("lhs", seed));
  std::vector<std::map<std::uint64_t, double>> reached;
  for (const std::size_t threads : {1, 4}) {
    reached.emplace_back();
    run_samplers(problem, plans, threads, {},
                 [&](SamplerRun run) { reached.back()[run.seed] = run.trials.back().hypervolume; });
    EXPECT_EQ(reached.back().size(), 7u);
  }
  EXPECT_EQ(reached[0], reached[1]);
}

TEST(SamplerRuns, StopBetweenTrialsAndPassOnFailures) {
  const problems::Problem problem = make_problem("BraninCurrin");
  std::stop_source stop;
  int ended = 0;
  std::vector<RunPlan> plans(5, plan_of("random", 1));
  run_samplers(problem, plans, 1, stop.get_token(), [&](const SamplerRun&) {
    if (++ended == 2) stop.request_stop();
  });
  EXPECT_EQ(ended, 2);
  EXPECT_FALSE(run_sampler(problem, plans[0], stop.get_token()));
  plans[1].sampler = "none such";
  EXPECT_THROW(run_samplers(problem, plans, 2, {}, [](const SamplerRun&) {}), UsageError);
}

SamplerRun made_run(const std::string& label, std::uint64_t seed, const Vector& volumes) {
  SamplerRun run{label, seed, {}};
  for (const double v : volumes) run.trials.push_back({v, 0.5, {0.25, 0.75}});
  return run;
}

TEST(Results, RankSamplersAfterTheTrialsThatAllRunsHave) {
  const problems::Problem problem = make_problem("Synthetic2D");  // maximum 22
  Results results(problem);
  EXPECT_EQ(results.trials(), 0u);
  EXPECT_TRUE(results.standings().empty());
  results.set(made_run("a", 1, {1, 2, 3, 22}));
  results.set(made_run("a", 2, {1, 2, 5}));
  results.set(made_run("b", 1, {1, 6, 7}));
  results.set(made_run("b", 2, {0, 0, 0}));
  results.set(made_run("b", 2, {3, 4, 9}));  // in place of the last
  EXPECT_EQ(results.trials(), 3u);
  const auto standings = results.standings();
  ASSERT_EQ(standings.size(), 2u);
  EXPECT_EQ(standings[0].label, "b");
  EXPECT_EQ(standings[0].mean, 8);
  EXPECT_NEAR(standings[0].deviation, std::sqrt(2.0), 1e-12);
  EXPECT_EQ(standings[0].seconds, 0.5);
  EXPECT_TRUE(std::isnan(standings[0].p));
  EXPECT_EQ(standings[1].mean, 4);
  EXPECT_NEAR(standings[1].p, 2.0 / 6, 1e-12);
  const auto progressions = results.progressions();
  EXPECT_EQ(progressions[0].label, "a");
  EXPECT_NEAR(progressions[0].mean[1], std::log10(20.0), 1e-12);
  EXPECT_NEAR(progressions[1].mean[2], (std::log10(15.0) + std::log10(13.0)) / 2, 1e-12);
  EXPECT_NEAR(progressions[1].error[2], (std::log10(15.0) - std::log10(13.0)) / 2, 1e-12);
  EXPECT_NEAR(results.log_difference(22), std::log10(22e-9), 1e-9) << "no minus infinity";
  EXPECT_TRUE(std::isnan(Results(make_problem("OSY")).log_difference(1)));
}

TEST(Results, ProgressAsFarAsAllRunsOfASamplerCame) {
  problems::Problem problem;
  problem.name = "a search";
  Results results(problem);
  results.set(made_run("a", 1, {1, 2, 3, 4}));
  results.set(made_run("a", 2, {3, 4, 9}));
  results.set(made_run("b", 1, {1}));
  const auto progressions = results.progressions();
  ASSERT_EQ(progressions.size(), 2u);
  EXPECT_EQ(progressions[0].mean, (Vector{2, 3, 6}));
  EXPECT_EQ(progressions[0].least, (Vector{1, 2, 3}));
  EXPECT_EQ(progressions[0].most, (Vector{3, 4, 9}));
  EXPECT_EQ(progressions[1].mean, Vector{1});
}

TEST(Pictures, ShowWhatOthersReached) {
  problems::Problem problem;
  problem.name = "a search";
  Results results(problem);
  results.set(made_run("a", 1, {0.1, 0.2}));
  const auto count = [](const std::string& text, const std::string& part) {
    int found = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++found;
    return found;
  };
  EXPECT_EQ(count(progress_picture(problem, results), "<circle"), 0);
  const std::string marked =
      progress_picture(problem, results, {{"a", 0.9}, {"c", 0.5}}, "somebody else");
  EXPECT_EQ(count(marked, "<circle"), 3) << "two marks and the legend";
  EXPECT_EQ(count(marked, "somebody else"), 1);
  EXPECT_EQ(count(marked, "cy=\"-"), 0) << "inside the frame";
  EXPECT_EQ(count(marked, series_colour(0)), 4) << "band, line, mark, legend";
}

TEST(Svg, LogarithmicAxes) {
  EXPECT_EQ(log_ticks(0.8, 30, 10), (Vector{1, 2, 5, 10, 20}));
  EXPECT_EQ(log_ticks(0.8, 3000, 5), (Vector{1, 10, 100, 1000}));
  EXPECT_EQ(log_ticks(4, 6, 5), Vector{5});
  const Frame frame{100, 50, 200, 100, {1, 100}, {0, 10}, true, false};
  EXPECT_NEAR(frame.px(1), 100, 1e-9);
  EXPECT_NEAR(frame.px(10), 200, 1e-9);
  EXPECT_NEAR(frame.px(100), 300, 1e-9);
  EXPECT_NEAR(frame.py(10), 50, 1e-9);
}

TEST(Results, GoThroughCsvUnchanged) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "results.csv";
  for (const char* name : {"BraninCurrin", "DTLZ2:d=4,m=3", "OSY"}) {
    const problems::Problem problem = make_problem(name);
    Results results(problem);
    run_samplers(problem, {plan_of("lhs", 1), plan_of("lhs", 2), plan_of("sobol", 1)}, 1, {},
                 [&](SamplerRun run) { results.set(std::move(run)); });
    std::ofstream(path) << results.csv();
    Results again(problem);
    again.read(path);
    EXPECT_EQ(again.csv(), results.csv());
    again.set(*run_sampler(problem, plan_of("random", 9)));
    EXPECT_EQ(again.standings().size(), 3u);
  }
}

TEST(Results, RefuseFilesOfAnotherKind) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "wrong.csv";
  const problems::Problem problem = make_problem("OSY");
  Results whole(problem);
  whole.set(*run_sampler(problem, plan_of("random", 1, 3)));
  const std::string good = whole.csv();
  const auto read = [&](const std::string& text) {
    std::ofstream(path) << text;
    Results results(problem);
    results.read(path);
  };
  EXPECT_NO_THROW(read(good));
  std::string swapped = good;
  swapped.replace(swapped.find("OSY,random,1,1"), 14, "OSY,random,1,2");
  std::string letters = good;
  letters.replace(letters.rfind(',') + 1, 3, "abc");
  for (const std::string& text : {std::string(), std::string("a,b\n"), good + "OSY,random\n",
                                  swapped, letters, good + "ZDT1:d=3,random,1,3,0,,0\n"}) {
    EXPECT_THROW(read(text), DataError) << text;
  }
}

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

TEST(Pictures, ShowEverySampler) {
  const problems::Problem problem = make_problem("BraninCurrin");
  Results results(problem);
  for (const char* sampler : {"random", "lhs", "sobol", "random"}) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      results.set(*run_sampler(problem, plan_of(sampler, seed, 20)));
    }
  }
  results.set(made_run("a<b & \"c\"\x01\xff", 1, Vector(20, 1.0)));
  const std::string lines = progress_picture(problem, results);
  EXPECT_EQ(count(lines, "<polygon"), 4) << "a band each";
  EXPECT_EQ(count(lines, "<polyline"), 8) << "a line and its place in the legend";
  EXPECT_EQ(count(lines, ">sobol<"), 1);
  EXPECT_EQ(count(lines, "a&lt;b &amp; &quot;c&quot;"), 1);
  EXPECT_EQ(lines.find_first_of("\x01\xff"), std::string::npos) << "no XML";
  EXPECT_EQ(count(lines, "nan"), 0);
  EXPECT_EQ(count(lines, "prefers-color-scheme: dark"), 1);
  EXPECT_TRUE(lines.starts_with("<svg ") && lines.ends_with("</svg>\n"));
  const std::string places = places_picture(problem, results);
  EXPECT_EQ(count(places, "<circle"), 4 * 20);
  EXPECT_EQ(count(places, "<use "), 3);
  EXPECT_THROW(places_picture(make_problem("OSY"), Results(make_problem("OSY"))), UsageError);
}

TEST(Pictures, HaveRoundTicks) {
  EXPECT_EQ(round_ticks(0, 10, 5), (Vector{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(round_ticks(-3, 3, 3), (Vector{-2, 0, 2}));
  const Vector fine = round_ticks(1.5, 1.8, 7);
  EXPECT_NEAR(fine.front(), 1.5, 1e-12);
  EXPECT_NEAR(fine[1] - fine[0], 0.05, 1e-12);
  EXPECT_EQ(tick_label(1.5, 0.05), "1.50");
  EXPECT_EQ(tick_label(-0.0, 1), "0");
  EXPECT_EQ(tick_label(20, 10), "20");
  EXPECT_EQ(tick_label(12000000, 1000000), "12000000");
  EXPECT_EQ(tick_label(25600000000, 1e8), "2.56e+10");
}

TEST(Collections, RankSamplersOverProblems) {
  const problems::Problem first = make_problem("BraninCurrin");
  const problems::Problem second = make_problem("GearTrain");
  Results a(first);
  Results b(second);
  const auto add = [](Results& results, const char* label, double volume) {
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      SamplerRun run{label, seed, {}};
      for (int t = 1; t <= 8; ++t) {
        run.trials.push_back({t * volume + 0.01 * static_cast<double>(seed), 0.1,
                              Vector(results.problem().inputs(), 0.0)});
      }
      results.set(std::move(run));
    }
  };
  add(a, "good", 7);
  add(b, "good", 5);
  add(a, "level", 7);
  add(b, "level", 4.9);
  add(a, "bad", 2);
  add(b, "bad", 1);
  add(a, "on one only", 9);
  const CollectionSummary summary = summarise_collection({&a, &b}, 8);
  EXPECT_EQ(summary.problems, (std::vector<std::string>{"BraninCurrin", "GearTrain"}));
  EXPECT_EQ(summary.checkpoints, (std::vector<std::size_t>{2, 4, 8}));
  EXPECT_EQ(summary.seeds, 8u);
  ASSERT_EQ(summary.standings.size(), 3u);
  EXPECT_EQ(summary.standings[0].label, "good");
  EXPECT_EQ(summary.standings[0].rank, (Vector{1.25, 1.25, 1.25}));
  EXPECT_EQ(summary.standings[0].first, 2u);
  EXPECT_EQ(summary.standings[0].behind, 0u);
  EXPECT_TRUE(std::isnan(summary.standings[0].p));
  EXPECT_EQ(summary.standings[1].label, "level");
  EXPECT_EQ(summary.standings[1].rank.back(), 1.75);
  EXPECT_EQ(summary.standings[1].first, 1u);
  EXPECT_EQ(summary.standings[1].lost, 1u) << "by 0.8, of which seeds make 0.07";
  EXPECT_EQ(summary.standings[2].label, "bad");
  EXPECT_EQ(summary.standings[2].rank.back(), 3);
  EXPECT_EQ(summary.standings[2].lost, 2u);
  EXPECT_EQ(summary.standings[2].behind, 2u);
  const std::string table = collection_table(summary);
  EXPECT_NE(table.find("| `good` | 1.25 | 1.25 | 1.25 | 2 | 0 |"), std::string::npos) << table;
  EXPECT_EQ(count(collection_csv(summary, {&a, &b}), "\n"), 1 + 2 * 3 * 3);
  const std::string picture = profile_picture(summary, {&a, &b});
  EXPECT_EQ(count(picture, "<polyline"), 6);
  EXPECT_EQ(count(picture, "nan"), 0);
  EXPECT_THROW((void)summarise_collection({&a, &b}, 9), UsageError) << "no runs are so long";
}

}  // namespace
}  // namespace paretiny::compare
