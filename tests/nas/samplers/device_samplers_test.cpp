// Samplers on the device under test suggest what they suggest on the CPU.
#include "tests/nas/samplers/sampler_runs.h"
#include "tests/support/kernels.h"

namespace paretiny::samplers {
namespace {

using namespace test;  // NOLINT

/// A history with failures, infeasible trials and one in flight.
History told(const SamplerProblem& problem) {
  History history = run(*make_sampler("sobol", problem), 12,
                        [](const Vector& x) { return finished(spheres(x)); });
  history[2] = {history[2].x, Outcome::failed};
  history[5] = {history[5].x, Outcome::infeasible, {kNan, 1.2}};
  history[9] = {history[9].x, Outcome::pending};
  return history;
}

class DeviceSamplers : public testing::TestWithParam<const char*> {};

TEST_P(DeviceSamplers, SuggestWhatTheCpuSuggests) {
  const std::string name = GetParam();
  Options options = quick(name);
  if (name.starts_with("ars"))
    options = {{"steps", 2},   {"directions", 3}, {"kept", 2},
               {"horizon", 3}, {"policies", 2},   {"samples", 8}};
  auto problem = mixed();
  const History history = told(problem);
  const Vector expected = make_sampler(name, problem, options)->ask(history, 12);
  problem.device = test_device();
  const Vector actual = make_sampler(name, problem, options)->ask(history, 12);
  ASSERT_EQ(actual.size(), expected.size());
  // Rounding grows through the updates of a policy; a choice or an integer must not change.
  for (std::size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 1e-4) << i;
  EXPECT_EQ(make_sampler(name, problem, options)->ask(history, 12), actual);
}

INSTANTIATE_TEST_SUITE_P(All, DeviceSamplers, testing::Values("ars", "ars+", "turbo"),
                         [](const testing::TestParamInfo<const char*>& parameter) {
                           const std::string name = parameter.param;
                           return name == "ars+" ? std::string("ars_plus") : name;
                         });

}  // namespace
}  // namespace paretiny::samplers
