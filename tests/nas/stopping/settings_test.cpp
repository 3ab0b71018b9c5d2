#include "nas/stopping/settings.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace paretiny::stopping {
namespace {

TEST(StopSettings, TellTheRuleAndNothingElse) {
  EXPECT_EQ(settings_of({}), (std::map<std::string, std::string>{{"stop", "off"}}));
  StopSpec spec;
  spec.method = StopMethod::hypervolume;
  spec.alpha = 0.2;
  spec.delta = 1.0 / 3;
  spec.fractions = {0.25, 0.7};
  std::map<std::string, std::string> settings = settings_of(spec);
  EXPECT_FALSE(settings.contains("stop_eta"));
  settings.emplace("jobs", "4");
  const StopSpec again = stop_spec_of(settings);
  EXPECT_EQ(again.method, spec.method);
  EXPECT_EQ(again.alpha, spec.alpha);
  EXPECT_EQ(again.delta, spec.delta);
  EXPECT_EQ(again.run_on, spec.run_on);
  EXPECT_EQ(again.fractions, spec.fractions);
  spec.method = StopMethod::asha;
  spec.eta = 3;
  EXPECT_EQ(stop_spec_of(settings_of(spec)).eta, 3);
  EXPECT_EQ(stop_spec_of({}).method, StopMethod::off);
}

TEST(StopSettings, RefusesWhatNoRuleHas) {
  for (const auto& [key, value] : std::map<std::string, std::string>{{"stop", "sometimes"},
                                                                     {"stop_alpha", "1"},
                                                                     {"stop_delta", "x"},
                                                                     {"stop_eta", ""},
                                                                     {"stop_fractions", "0.5 0.25"},
                                                                     {"stop_run_on", "nan"}}) {
    EXPECT_THROW(stop_spec_of({{key, value}}), DataError) << key;
  }
}

}  // namespace
}  // namespace paretiny::stopping
