#include "nas/stopping/curve.h"

#include <algorithm>
#include <cmath>

namespace paretiny::stopping {
namespace {

/// Fractions are quotients of whole numbers, and may round.
constexpr double kSameFraction = 1e-9;

}  // namespace

std::vector<std::optional<std::size_t>> decision_points(const Curve& curve,
                                                        const std::vector<double>& fractions,
                                                        double earliest) {
  std::vector<std::optional<std::size_t>> points;
  for (const double fraction : fractions) {
    const auto reached = std::ranges::find_if(
        curve, [&](const CurvePoint& p) { return p.fraction >= fraction - kSameFraction; });
    if (reached == curve.end() || reached->fraction > 1 - kSameFraction ||
        reached->fraction < earliest - kSameFraction) {
      points.push_back(std::nullopt);
      continue;
    }
    const auto at = static_cast<std::size_t>(reached - curve.begin());
    if (!points.empty() && points.back() == at) points.back().reset();
    points.push_back(at);
  }
  return points;
}

std::vector<double> curve_features(const Curve& curve, std::size_t at, std::size_t open,
                                   const std::vector<double>& x) {
  const double now = curve[at].values[open];
  double best = now;
  for (std::size_t i = 0; i < at; ++i) best = std::fmin(best, curve[i].values[open]);
  const std::size_t half = at - (at + 1) / 2;
  std::vector<double> features = {now, now - curve[half].values[open], best - now,
                                  curve[at].fraction};
  features.insert(features.end(), curve[at].hints.begin(), curve[at].hints.end());
  features.insert(features.end(), x.begin(), x.end());
  return features;
}

}  // namespace paretiny::stopping
