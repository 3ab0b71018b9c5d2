// Histories and spaces with as little in them as a study can hold, drawn at random: whatever they
// are, a sampler answers with a new point, or says that there is none.
#include <cstdlib>

#include "base/error.h"
#include "kernels/core/random.h"
#include "tests/nas/samplers/sampler_runs.h"

namespace paretiny::samplers {
namespace {

using namespace test;  // NOLINT

/// Small enough for a suite; PARETINY_HISTORIES=10000 for a night.
std::uint64_t histories() {
  const char* given = std::getenv("PARETINY_HISTORIES");
  return given == nullptr ? 16 : std::strtoull(given, nullptr, 10);
}

/// Makes a problem and a history from one sequence of random numbers.
class Made {
 public:
  explicit Made(std::uint64_t seed) : random_(seed, "degenerate histories") {
    std::vector<space::Parameter> parameters;
    for (std::uint64_t i = 0, count = 1 + random_.below(4); i < count; ++i) {
      parameters.push_back(parameter(std::to_string(i)));
    }
    problem_ = problem_of(std::move(parameters), 1 + random_.below(3), seed);
    problem_.initial = random_.below(5);
    problem_.constraints = random_.below(3);
    for (double& reference : problem_.reference) reference = pick({1, 0, -5, 1e-300, 1e300});
    for (double& limit : problem_.limits) limit = pick({1, 0, -1, 1e-9, kNone});
    if (chance(3)) problem_.limits.clear();
    kind_ = random_.below(6);
    const std::uint64_t most = chance(2) ? 4 : 40;
    for (std::uint64_t i = 0, count = random_.below(most); i < count; ++i) tell();
  }

  const SamplerProblem& problem() const { return problem_; }
  const History& history() const { return history_; }

 private:
  bool chance(std::uint64_t one_in) { return random_.below(one_in) == 0; }
  double pick(const Vector& values) { return values[random_.below(values.size())]; }

  space::Parameter parameter(const std::string& name) {
    switch (random_.below(6)) {
      case 0:
        return integer(name, 3, 3);
      case 1:
        return integer(name, 1, 3, true);
      case 2:
        return categorical(name, {"only"});
      case 3:
        return categorical(name, {"a", "b"});
      case 4:
        return {name, space::ParameterKind::real, 2, 2, false, {}};
      default:
        return real(name);
    }
  }

  double number() {
    if (chance(2)) return random_.uniform(-1, 2);
    return pick(
        {0, -0.0, 1, kNan, kNone, -kNone, 1e-300, -1e-300, 1e300, -1e300, 1.7e308, -1.7e308});
  }

  Vector numbers(std::size_t count) {
    Vector values;
    if (chance(6)) return values;
    for (std::size_t k = 0; k < count; ++k) {
      values.push_back(kind_ == 4 ? 0.5 : number());
    }
    return values;
  }

  Outcome outcome() {
    constexpr Outcome kAll[] = {Outcome::failed, Outcome::infeasible, Outcome::pending,
                                Outcome::finished, Outcome::stopped};
    if (kind_ < 3) return kAll[kind_];  // all alike
    // Failures first, as of a search whose limits are too tight, and then whatever comes.
    if (kind_ == 5 && history_.size() < 20) return Outcome::failed;
    return kAll[random_.below(5)];
  }

  void tell() {
    Observation o;
    Vector x(problem_.space.dimensions());
    for (double& coordinate : x) coordinate = random_.uniform();
    const bool again = !history_.empty() && chance(4);
    o.x = again ? history_.back().x : problem_.space.snap(x);
    o.outcome = outcome();
    o.objectives = numbers(problem_.objectives);
    o.constraints = numbers(problem_.constraints);
    if (o.outcome == Outcome::stopped) o.deviations = numbers(problem_.objectives);
    history_.push_back(std::move(o));
  }

  Random random_;
  SamplerProblem problem_;
  History history_;
  std::uint64_t kind_ = 0;
};

class DegenerateHistories : public testing::TestWithParam<std::string> {};

TEST_P(DegenerateHistories, AreAnsweredWithANewPointOrNone) {
  Options options = quick(GetParam());
  if (GetParam() == "turbo" || GetParam() == "morbo") options["failures"] = 1;  // regions end soon
  for (std::uint64_t seed = 0; seed < histories(); ++seed) {
    SCOPED_TRACE(seed);
    const Made made(seed);
    const auto sampler = make_sampler(GetParam(), made.problem(), options);
    std::set<Vector> seen;
    for (const Observation& o : made.history()) seen.insert(o.x);
    try {
      const Vector x = sampler->ask(made.history(), made.history().size());
      EXPECT_EQ(made.problem().space.snap(x), x);
      EXPECT_FALSE(seen.contains(x));
    } catch (const SpaceExhausted&) {
      const std::uint64_t candidates = made.problem().space.cardinality();
      EXPECT_TRUE(candidates > 0 && seen.size() >= candidates) << candidates;
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  }
}

TEST_P(DegenerateHistories, ARegionMayEndWhileEveryTrialHasFailed) {
  const SamplerProblem problem = reals(2, 2);
  Options options = quick(GetParam());
  if (GetParam() == "turbo" || GetParam() == "morbo") options["failures"] = 1;
  History history;
  for (int i = 0; i < 30; ++i) {
    history.push_back({{i / 30.0, 0.5}, Outcome::failed});
  }
  history.push_back({{0.31, 0.7}, Outcome::finished, {0.4, 0.6}});
  const auto sampler = make_sampler(GetParam(), problem, options);
  EXPECT_EQ(sampler->ask(history, history.size()).size(), 2u);
}

TEST_P(DegenerateHistories, ASuggestionIsGivenUpOnRequest) {
  SamplerProblem problem = reals(3, 2);
  problem.initial = 0;
  problem.limits.clear();
  History history;
  for (int i = 0; i < 12; ++i) {
    const Vector x{i / 12.0, 0.5, 1 - i / 12.0};
    history.push_back({x, Outcome::finished, spheres(x)});
  }
  std::stop_source source;
  problem.stop = source.get_token();
  const auto sampler = make_sampler(GetParam(), problem, quick(GetParam()));
  EXPECT_EQ(sampler->ask(history, history.size()).size(), 3u);
  source.request_stop();
  if (GetParam() == "lhs" || GetParam() == "sobol") return;  // which take no time
  EXPECT_THROW(sampler->ask(history, history.size()), Interrupted);
}

INSTANTIATE_TEST_SUITE_P(All, DegenerateHistories, testing::ValuesIn(sampler_names()),
                         [](const testing::TestParamInfo<std::string>& parameter) {
                           const std::string& name = parameter.param;
                           return name == "ars+" ? std::string("ars_plus") : name;
                         });

}  // namespace
}  // namespace paretiny::samplers
