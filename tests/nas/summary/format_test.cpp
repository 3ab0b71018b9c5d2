#include "nas/summary/format.h"

#include "tests/nas/report/made_trials.h"
#include "tests/nas/search/experiments.h"

namespace paretiny::summary {
namespace {

using namespace test;

TEST(Format, Quantities) {
  const auto objectives = example_header().objectives;
  EXPECT_EQ(format_quantity(objectives[0], 0.12345), "12.35 %");
  EXPECT_EQ(format_quantity(objectives[1], 256000), "256 KB");
  EXPECT_EQ(format_quantity(objectives[1], 999), "999 B");
  EXPECT_EQ(format_quantity(objectives[3], 2656768), "2.66 M");
  EXPECT_EQ(format_quantity(objectives[3], kNan), "–");
  EXPECT_EQ(format_seconds(0.0123), "12 ms");
  EXPECT_EQ(format_seconds(59.97), "60.0 s");
  EXPECT_EQ(format_seconds(7380), "2 h 3 min");
  EXPECT_EQ(format_metric("accuracy_int8", 0.9), "90 %");
  EXPECT_EQ(format_metric("sparsity", 0.005), "0.50 %");
  EXPECT_EQ(format_metric("peak_bytes", 2048), "2.05 KB");
  EXPECT_EQ(format_metric("parameters", 77706), "77.71 k");
  EXPECT_EQ(format_count(999e12), "999 T");
  EXPECT_EQ(format_count(1e300), "1e+300");
  EXPECT_EQ(format_count(-1.5e300, "FLOPs"), "-1.5e+300 FLOPs");
  EXPECT_EQ(format_bytes(1e18), "1e+18 B");
  EXPECT_EQ(format_seconds(1e300), "2.778e+296 h");
  EXPECT_EQ(format_quantity(objectives[0], 1e300), "1e+302 %");
  EXPECT_EQ(format_metric("accuracy_int8", -1e300), "-1e+302 %");
  EXPECT_EQ(format_fixed(0.125, 2), "0.12");
  EXPECT_EQ(format_fixed(1e15, 4), "1e+15");
  EXPECT_EQ(format_percent(0.9), "90.00 %");
}

}  // namespace
}  // namespace paretiny::summary
