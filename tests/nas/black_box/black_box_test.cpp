// A black box with constraints, driven through ask and tell from a problem whose answer is known.
#include <fmt/core.h>

#include "nas/black_box/asker.h"
#include "nas/black_box/tell.h"
#include "nas/problems/problem.h"
#include "nas/study/study_json.h"
#include "nas/summary/summary.h"
#include "tests/nas/search/experiments.h"

namespace paretiny::black_box {
namespace {

struct Case {
  const char* sampler;
  const char* options;
};

class ConstrainedBlackBoxTest : public test::FolderTest, public testing::WithParamInterface<Case> {
 protected:
  /// ConstrainedBraninCurrin, whose points outside a disc of its square are infeasible.
  static std::string space() {
    return fmt::format(R"([study]
sampler = "{}"
seed = 5
initial = 8
[space.x1]
low = 0.0
high = 1.0
[space.x2]
low = 0.0
high = 1.0
[objectives.branin]
reference = 80.0
[objectives.currin]
reference = 12.0
[constraints.disc]
at_most = 50.0
[sampler]
{}
)",
                       GetParam().sampler, GetParam().options);
  }

  problems::Response evaluate(const space::Values& values) const {
    return problem_.evaluate(
        {std::get<double>(values.at("x1")), std::get<double>(values.at("x2"))});
  }

  /// One suggestion and its result, each by a process of its own as it were.
  void ask_and_tell() {
    const BlackBox box = parse_black_box(space(), "box.toml");
    const OpenBlackBox opened = open_black_box(path_, box, {}, Device{});
    const study::Trial trial = Asker(opened, path_, Device{}).next();
    const problems::Response result = evaluate(trial.values);
    Teller(*open_to_tell(path_))
        .tell(study::dump(
            {{"trial", trial.number},
             {"objectives", {{"branin", result.objectives[0]}, {"currin", result.objectives[1]}}},
             {"constraints", {{"disc", result.constraints[0] + 50}}}}));
  }

  const problems::Problem problem_ = problems::make_problem("ConstrainedBraninCurrin");
  const std::filesystem::path path_ = folder_ / "box.sqlite";
};

TEST_P(ConstrainedBlackBoxTest, FindsAFrontInsideItsBounds) {
  for (int i = 0; i < 24; ++i) ask_and_tell();
  const auto study = study::open_study(path_);
  const std::vector<study::Trial> trials = study->trials();
  ASSERT_EQ(trials.size(), 24u);
  for (const study::Trial& trial : trials) {
    const bool feasible = evaluate(trial.values).constraints[0] <= 0;
    EXPECT_EQ(trial.state, feasible ? study::TrialState::done : study::TrialState::infeasible)
        << "trial " << trial.number;
  }
  const summary::StudySummary summary = summary::summarise(study->header().objectives, trials);
  EXPECT_GE(summary.front.size(), 3u);
  for (const std::size_t member : summary.front) {
    EXPECT_LE(evaluate(trials[member].values).constraints[0], 0);
  }
  // Feasible trials alone count; random and lhs reach 0.37 and 0.40.
  EXPECT_GT(summary.hypervolume.back(), 0.42);
}

INSTANTIATE_TEST_SUITE_P(
    Samplers, ConstrainedBlackBoxTest,
    testing::Values(Case{"nsga2", "population = 8"}, Case{"morbo", "candidates = 400"},
                    Case{"turbo", "candidates = 400"},
                    Case{"qparego", "samples = 16\nraw = 64\nrestarts = 2\niterations = 20"},
                    Case{"ars", "steps = 4\ndirections = 8\nkept = 4"}),
    [](const auto& each) { return std::string(each.param.sampler); });

}  // namespace
}  // namespace paretiny::black_box
