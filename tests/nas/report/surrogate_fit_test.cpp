#include "nas/report/fit/surrogate_fit.h"

#include "kernels/core/random.h"
#include "tests/nas/report/made_trials.h"
#include "tests/nas/search/experiments.h"

namespace paretiny::report {
namespace {

TEST(SurrogateFits, TellWhatIsKnownFromWhatIsNoise) {
  study::StudyHeader header;
  header.kind = study::StudyKind::black_box;
  header.name = "box";
  header.space = "\"a\" real 0 1\n\"b\" integer 1 9\n\"c\" categorical \"x\" \"y\"\n";
  header.objectives = {{"smooth", "", {}, ""}, {"noise <&>", "", {}, ""}};
  header.objectives[0].maximize = true;
  header.constraints = {{"heat", "", std::nullopt, 80}};
  std::vector<study::Trial> trials;
  Random random(1, "surrogate fits");
  for (std::int64_t i = 0; i < 40; ++i) {
    study::Trial trial;
    trial.number = i;
    trial.state = i % 7 == 6 ? study::TrialState::failed : study::TrialState::done;
    const double a = random.uniform();
    trial.values = {{"a", a},
                    {"b", static_cast<std::int64_t>(1 + random.below(9))},
                    {"c", std::string(random.below(2) == 0 ? "x" : "y")}};
    trial.objectives = {1e6 * std::sin(4 * a), random.normal()};
    if (trial.state == study::TrialState::failed) trial.objectives = {test::kNan, test::kNan};
    trial.metrics = {{"heat", 70 + 20 * a}};
    trials.push_back(trial);
  }
  const std::vector<SurrogateFit> fits = surrogate_fits(header, trials);
  ASSERT_EQ(fits.size(), 3u);
  EXPECT_EQ(fits[0].name, "smooth");
  EXPECT_EQ(fits[2].name, "heat (at most)");
  EXPECT_EQ(fits[0].measured.size(), 35u);
  EXPECT_GT(fits[0].r2, 0.95);
  EXPECT_LT(fits[1].r2, 0.4);
  EXPECT_GT(fits[2].r2, 0.95);
  ASSERT_EQ(fits[0].lengthscales.size(), 3u);
  EXPECT_EQ(fits[0].lengthscales[0].first, "a");
  EXPECT_LT(fits[0].lengthscales[0].second, fits[0].lengthscales[1].second) << "a alone matters";
  const std::string section = surrogates_section(fits);
  EXPECT_TRUE(
      test::says(section, {"R² 1.00", "35 trials", "noise &lt;&amp;&gt;", "heat (at most)"}));
  EXPECT_EQ(section.find("nan"), std::string::npos);
  trials.resize(7);
  EXPECT_TRUE(surrogate_fits(header, trials).empty());
  EXPECT_TRUE(test::says(surrogates_section({}), {"at least 8 measured trials"}));
  header.space = "of another kind";
  trials.resize(30, trials[0]);
  EXPECT_TRUE(surrogate_fits(header, trials).empty()) << "and no report fails for it";
}

}  // namespace
}  // namespace paretiny::report
