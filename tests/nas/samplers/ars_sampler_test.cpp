#include "nas/samplers/methods/ars_sampler.h"

#include <algorithm>

#include "base/error.h"
#include "tests/nas/samplers/sampler_runs.h"

namespace paretiny::samplers {
namespace {

using namespace test;  // NOLINT

TEST(ArsSampler, StartsWithTheLatinHypercube) {
  const auto problem = reals(3, 2);
  const auto ars = make_sampler("ars", problem, quick("ars"));
  const auto lhs = make_sampler("lhs", problem);
  const History history = run(*ars, 7, [](const Vector& x) { return finished(spheres(x)); });
  for (std::uint64_t t = 0; t < 6; ++t) EXPECT_EQ(history[t].x, lhs->ask({}, t));
  EXPECT_NE(history[6].x, lhs->ask({}, 6));
}

/// How many of trials 6 to 25 keep a limit that three tenths of the space keep, while what is
/// beyond it would be the better.
int tries_inside_a_limit(const std::string& name, std::uint64_t seed) {
  const auto sampler = make_sampler(name, reals(3, 2, seed), quick(name));
  const Judge judge = [](const Vector& x) {
    const double size = 0.7 + x[0];
    if (size > 1) return Observation{{}, Outcome::infeasible, {kNan, size}};
    return finished({1 - size * (1 - (x[1] - 0.5) * (x[1] - 0.5)), size});
  };
  const History history = run(*sampler, 26, judge);
  return static_cast<int>(
      std::count_if(history.begin() + 6, history.end(),
                    [](const Observation& o) { return o.outcome == Outcome::finished; }));
}

/// Over several searches, as below.
TEST(ArsSampler, LearnsTheLimits) {
  constexpr int kSeeds = 6;
  for (const std::string name : {"ars", "ars+"}) {
    int inside = 0;
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) inside += tries_inside_a_limit(name, seed);
    EXPECT_GT(inside, kSeeds * 20 / 2) << name;
  }
}

/// How many of trials 15 to 29 lie well within where trials fail. Two fifths of the Pareto set lie
/// there, and the best of what is left beside it: its edge is worth a try now and then, what lies
/// beyond is not.
int tries_where_trials_fail(const std::string& name, std::uint64_t seed) {
  const auto sampler = make_sampler(name, reals(2, 2, seed), quick(name));
  const Judge judge = [](const Vector& x) {
    return x[0] > 0.5 ? Observation{{}, Outcome::failed, {}} : finished(spheres(x));
  };
  const History history = run(*sampler, 30, judge);
  return static_cast<int>(std::count_if(history.begin() + 15, history.end(),
                                        [](const Observation& o) { return o.x[0] > 0.6; }));
}

/// Which way one search goes hangs on the last bits of its surrogates, and so on the processor;
/// hence several. Uniform draws would lie there in two of five tries, and most do when failures are
/// not learnt from. Over 40 seeds ars had 0.2 of 15 on the mean, ars+ 3.6 with a deviation of 1.4:
/// the bound is almost five deviations of the sum away.
TEST(ArsSampler, ShunsWhereTrialsFail) {
  constexpr int kSeeds = 8;
  for (const std::string name : {"ars", "ars+"}) {
    int tries = 0;
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      tries += tries_where_trials_fail(name, seed);
    }
    EXPECT_LT(tries, kSeeds * 15 * 2 / 5) << name;
  }
}

/// The second objective follows from the values and jumps where no surrogate would expect it.
TEST(ArsSampler, NeverSuggestsWhatIsKnownToBreakALimit) {
  auto problem = reals(2, 2);
  const auto size = [](double x) { return std::fmod(10 * x, 1) < 0.5 ? 0.5 + x / 4 : 2.0; };
  problem.known = [&](const space::Values& values) {
    return Vector{kNan, size(std::get<double>(values.at("0")))};
  };
  const Judge judge = [&](const Vector& x) { return finished({spheres(x)[0], size(x[0])}); };
  const auto broken = [&](const std::string& name, Options options) {
    options.merge(quick(name));
    const History history = run(*make_sampler(name, problem, options), 20, judge);
    return std::count_if(history.begin() + 6, history.end(),
                         [](const Observation& o) { return o.objectives[1] > 1; });
  };
  EXPECT_EQ(broken("ars+", {}), 0);
  EXPECT_GT(broken("ars+", {{"cheap_first", 0}, {"known", 0}}), 0);
}

/// Positions are bent only inside: what is known is asked in the values' own units, and so are the
/// suggestions.
TEST(ArsSampler, BendsScalesOnlyInside) {
  auto problem = reals(2, 2);
  problem.explain = true;
  problem.known = [](const space::Values& values) {
    return Vector{kNan, 0.9 + 0.2 * std::get<double>(values.at("0"))};
  };
  const Judge judge = [](const Vector& x) {
    return finished({0.01 * (0.3 + x[1]) / (0.02 + x[0]), 0.9 + 0.2 * x[0]});
  };
  const auto bent = [&](double warp) {
    Options options = quick("ars+");
    options["warp"] = warp;
    const auto sampler = make_sampler("ars+", problem, options);
    int times = 0;
    History history = run(*make_sampler("random", problem), 24, judge);
    for (std::uint64_t trial = 24; trial < 32; ++trial) {
      const Vector x = sampler->ask(history, trial);
      EXPECT_EQ(x, problem.space.snap(x));
      EXPECT_LE(x[0], 0.5);
      for (const std::string& line : sampler->origin().detail) {
        times += line.starts_with("scales bent") ? 1 : 0;
      }
      history.push_back({x, Outcome::finished, judge(x).objectives});
    }
    return times;
  };
  EXPECT_GT(bent(1), 0);
  EXPECT_EQ(bent(0), 0);
}

/// While a good point is in flight, its neighbourhood is left alone.
TEST(ArsSampler, CountsWhatIsPending) {
  const auto problem = reals(2, 2);
  History history = run(*make_sampler("random", problem), 25,
                        [](const Vector& x) { return finished(spheres(x)); });
  const auto distance = [&](bool aware) {
    Options options = quick("ars+");
    options["pending"] = aware ? 1 : 0;
    options["fall_back"] = 0;  // random trials gain little: it would walk
    const auto sampler = make_sampler("ars+", problem, options);
    const Vector first = sampler->ask(history, 25);
    History more = history;
    more.push_back({first, Outcome::pending});
    const Vector second = sampler->ask(more, 25);
    return std::hypot(second[0] - first[0], second[1] - first[1]);
  };
  EXPECT_GT(distance(true), 2 * distance(false));
}

/// The paper's method knows of nothing in flight: with one job nothing is.
TEST(ArsSampler, IsThePapersWhileNothingIsPending) {
  const auto problem = reals(2, 2);
  History history = run(*make_sampler("random", problem), 25,
                        [](const Vector& x) { return finished(spheres(x)); });
  Options papers = quick("ars");
  papers["pending"] = 0;
  const auto aware = make_sampler("ars", problem, quick("ars"));
  const auto unaware = make_sampler("ars", problem, papers);
  EXPECT_EQ(aware->ask(history, 25), unaware->ask(history, 25));
  history.push_back({aware->ask(history, 25), Outcome::pending});
  EXPECT_NE(aware->ask(history, 26), unaware->ask(history, 26));
}

TEST(ArsSampler, RefusesBadOptions) {
  const auto refuse = [](const Options& options) {
    EXPECT_THROW(make_sampler("ars", mixed(), options), UsageError);
  };
  refuse({{"polices", 5}});
  refuse({{"policies", 0}});
  refuse({{"steps", 2.5}});
  refuse({{"noise", 0}});
  refuse({{"reach", kNan}});
  refuse({{"hypervolume", 2}});
  refuse({{"directions", 4}, {"kept", 5}});
  try {
    make_sampler("ars", mixed(), {{"polices", 5}});
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("'policies'"), std::string::npos);
  }
}

}  // namespace
}  // namespace paretiny::samplers
