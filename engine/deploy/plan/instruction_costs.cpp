#include "engine/deploy/plan/instruction_costs.h"

#include <algorithm>
#include <vector>

namespace paretiny::deploy {

using graph::OpKind;

namespace {

struct Costs {
  OpKind op;
  std::vector<double> dsp, v7m, v6m;  ///< by class of cores
};

/// As bench/instruction_fit.cpp prints it; the classes stand for a Cortex-M4, M3 and M0+.
const std::vector<Costs>& all_costs() {
  static const std::vector<Costs> all = {
      {OpKind::conv,
       {68.92, 100.27, 49.66, 71.05, 25.90, 51.60, 25.86, 12.76, 47.43, 15.85, 7.25, 49.29, 14.32,
        10.50, 23.62, 7.61},
       {87.55, 92.22, 42.38, 62.79, 28.01, 42.21, 0.00, 9.97, 31.08, 0.00, 7.08, 39.30, 0.00, 7.92,
        24.51, 7.64},
       {86.65, 139.64, 61.82, 71.47, 86.94, 64.89, 0.00, 24.99, 55.21, 0.00, 12.84, 36.76, 0.00,
        12.21, 32.12, 8.88}},
      {OpKind::depthwise,
       {125.63, 54.52, 166.43, 17.50, 13.99, 51.25, 11.93, 7.04},
       {111.10, 50.02, 0.00, 0.00, 0.00, 49.72, 11.06, 6.97},
       {153.77, 71.78, 0.00, 0.00, 0.00, 108.07, 19.11, 9.96}},
      {OpKind::activation, {3.70, 6.02}, {33.76, 5.97}, {9.73, 9.02}},
      {OpKind::add, {58.02, 57.50}, {50.42, 57.52}, {37.42, 215.82}},
      {OpKind::channel_scale, {72.76, 10.53, 41.91}, {68.08, 9.49, 33.91}, {96.62, 10.55, 91.30}},
      {OpKind::max_pool,
       {60.23, 39.03, 19.65, 8.07, 8.99},
       {57.69, 37.61, 19.74, 8.07, 9.00},
       {52.49, 55.22, 37.63, 7.90, 9.19}},
      {OpKind::average_pool,
       {81.37, 34.08, 27.93, 8.10, 8.99},
       {80.12, 33.67, 27.97, 8.10, 8.99},
       {0.00, 51.18, 104.44, 6.00, 9.38}},
      {OpKind::global_average_pool,
       {10.49, 30.40, 6.01},
       {29.83, 29.87, 6.00},
       {36.44, 79.73, 7.00}},
      {OpKind::fully_connected,
       {44.72, 55.81, 10.00, 4.48},
       {27.72, 45.39, 0.00, 5.00},
       {66.24, 100.69, 0.00, 8.00}},
  };
  return all;
}

}  // namespace

std::span<const double> instruction_costs(OpKind op, CoreClass core) {
  const std::vector<Costs>& all = all_costs();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Costs& costs) { return costs.op == op; });
  if (found == all.end()) return {};
  switch (core) {
    case CoreClass::dsp:
      return found->dsp;
    case CoreClass::v7m:
      return found->v7m;
    case CoreClass::v6m:
      break;
  }
  return found->v6m;
}

}  // namespace paretiny::deploy
