#include <gtest/gtest.h>

#include <limits>

#include "nas/search/limits.h"
#include "nas/search/search.h"

namespace paretiny::search {
namespace {

std::vector<study::Objective> objectives(const std::string& accuracy, const std::string& rom,
                                         const std::string& flops) {
  experiment::Experiment experiment;
  experiment.limits.error = experiment::Limit{1 - experiment::parse_share(accuracy), accuracy};
  experiment.limits.rom = experiment::Limit{experiment::parse_bytes(rom), rom};
  experiment.limits.flops = experiment::Limit{experiment::parse_flops(flops), flops};
  return search_objectives(experiment);
}

TEST(Limits, AreBrokenInTheirOwnUnit) {
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  const auto broken = [&](const std::string& rom, double value) {
    return broken_limit(objectives("80 %", rom, "2 MMACs"), {kUnknown, value, 0, 0});
  };
  EXPECT_EQ(broken("16 KB", 17624), "rom 17.62 KB is above the limit of 16 KB");
  EXPECT_EQ(broken("16 KiB", 17624), "rom 17.21 KiB is above the limit of 16 KiB");
  EXPECT_EQ(broken("16 KB", 1523456), "rom 1523.46 KB is above the limit of 16 KB");
  EXPECT_EQ(broken("16KB", 17624), "rom 17.62KB is above the limit of 16KB");
  EXPECT_EQ(broken("5 B", 6), "rom 6 B is above the limit of 5 B");
  EXPECT_EQ(broken("16 KB", 16001), "rom 16.001 KB is above the limit of 16 KB");
  EXPECT_EQ(broken("1 MB", 1000001), "rom 1.000001 MB is above the limit of 1 MB");
  EXPECT_EQ(broken("16 KB", 16000), "");
  EXPECT_EQ(broken("16 KB", kUnknown), "");
}

TEST(Limits, AllThatAreBroken) {
  EXPECT_EQ(broken_limits(objectives("80 %", "16 KB", "2 MMACs"), {0.2001, 20000, 1, 5e6}),
            (std::vector<std::string>{"accuracy 79.99 % is below the limit of 80 %",
                                      "rom 20 KB is above the limit of 16 KB",
                                      "flops 2.50 MMACs is above the limit of 2 MMACs"}));
  EXPECT_EQ(broken_limit(objectives("80 %", "16 KB", "2 MMACs"), {0.200001, 1, 1, 1}),
            "accuracy 79.9999 % is below the limit of 80 %");
  EXPECT_TRUE(broken_limits(objectives("80 %", "16 KB", "2 MMACs"), {0.1, 1, 1, 1}).empty());
}

TEST(Limits, WithoutAUnitAreComparedAsTheyStand) {
  // A black box's, whatever its objectives are called.
  const std::vector<study::Objective> bare = {{"error", "", 0.0, "0"}, {"loss", "s", -2.5, "-2.5"}};
  EXPECT_EQ(broken_limits(bare, {0.25, -2.0}),
            (std::vector<std::string>{"error 0.25 is above the limit of 0",
                                      "loss -2 is above the limit of -2.5"}));
  EXPECT_TRUE(broken_limits(bare, {0, -2.5}).empty());
}

}  // namespace
}  // namespace paretiny::search
