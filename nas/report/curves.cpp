#include "nas/report/curves.h"

#include <algorithm>

namespace paretiny::report {

std::vector<CurvePoint> curve_of(const std::vector<study::EpochRecord>& epochs,
                                 const std::vector<study::StepRecord>& steps) {
  std::vector<CurvePoint> curve;
  for (const study::EpochRecord& record : epochs)
    curve.push_back({record.epoch, 1 - record.accuracy});
  if (!curve.empty()) return curve;
  for (const study::StepRecord& record : steps)
    curve.push_back({record.step, record.objectives[0]});
  return curve;
}

Curves thinned(const Curves& curves, std::size_t most) {
  std::size_t points = 0;
  for (const auto& [trial, curve] : curves) points += curve.size();
  if (points <= most) return curves;
  const std::size_t each = std::max<std::size_t>(2, most / curves.size());
  Curves fewer;
  for (const auto& [trial, curve] : curves) {
    std::vector<CurvePoint>& kept = fewer[trial];
    const std::size_t count = std::min(each, curve.size());
    for (std::size_t i = 0; i < count; ++i) {
      kept.push_back(curve[count == 1 ? 0 : i * (curve.size() - 1) / (count - 1)]);
    }
  }
  return fewer;
}

}  // namespace paretiny::report
