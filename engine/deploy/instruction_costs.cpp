#include "engine/deploy/instruction_costs.h"

#include <algorithm>
#include <vector>

namespace paretiny {
namespace {

struct Costs {
  OpKind op;
  std::vector<double> dsp, v7m, v6m;  ///< by class of cores
};

/// As bench/instruction_fit.cpp prints it; the classes stand for a Cortex-M4, M3 and M0+.
const std::vector<Costs>& all_costs() {
  static const std::vector<Costs> all = {
      {OpKind::conv,
       {66.49, 101.14, 56.45, 60.49, 37.80, 50.55, 25.88, 11.92, 47.88, 15.68, 7.97, 49.22, 14.51,
        10.16, 23.83, 7.61},
       {91.82, 94.57, 49.01, 53.59, 41.57, 42.07, 0.00, 9.97, 30.95, 0.00, 7.07, 39.51, 0.00, 7.95,
        24.56, 7.64},
       {78.41, 132.59, 76.26, 78.31, 95.55, 65.31, 0.00, 24.97, 54.64, 0.00, 12.85, 37.27, 0.00,
        12.22, 32.59, 8.89}},
      {OpKind::depthwise,
       {91.21, 44.57, 218.59, 35.13, 17.00, 21.64, 33.32, 27.28, 71.44, 23.67, 5.13, 10.72, 27.19,
        8.12},
       {25.05, 33.44, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 67.52, 21.82, 5.87, 15.25, 20.92, 12.68},
       {2.99, 49.36, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 134.57, 38.77, 7.76, 20.02, 30.14, 22.71}},
      {OpKind::activation, {0.58, 6.02}, {3.49, 6.02}, {3.30, 9.01}},
      {OpKind::add, {45.82, 76.52}, {43.01, 76.53}, {45.62, 251.04}},
      {OpKind::channel_scale, {89.22, 12.48, 46.90}, {71.73, 11.49, 38.91}, {104.67, 8.43, 98.95}},
      {OpKind::max_pool,
       {58.89, 39.15, 19.65, 8.06, 8.99},
       {54.03, 39.30, 19.66, 8.04, 9.00},
       {51.08, 55.35, 37.57, 7.93, 9.18}},
      {OpKind::average_pool,
       {72.68, 34.21, 27.92, 8.10, 8.99},
       {76.57, 34.13, 27.90, 8.11, 8.99},
       {0.00, 50.70, 104.33, 5.80, 9.51}},
      {OpKind::global_average_pool,
       {24.89, 36.21, 6.00},
       {31.30, 36.13, 6.00},
       {67.76, 86.98, 6.98}},
      {OpKind::fully_connected,
       {39.07, 60.91, 10.00, 5.76},
       {13.92, 52.39, 0.00, 5.00},
       {60.55, 111.00, 0.00, 8.00}},
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

}  // namespace paretiny
