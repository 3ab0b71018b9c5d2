#include "nas/reproduce/fronts.h"

#include <algorithm>
#include <limits>
#include <set>

#include "kernels/core/host_device.h"
#include "nas/compare/svg.h"

namespace paretiny::reproduce {
namespace {

constexpr const char* kPaperColour = "#e11d48";

/// An objective as an axis shows it.
struct FrontAxis {
  std::string label;
  double unit = 1;
  bool log = false;
};

FrontAxis axis_of(const study::Objective& objective) {
  if (objective.name == "error") return {"error, %", 0.01, false};
  if (objective.unit == "B") return {objective.name + ", KB", 1e3, true};
  if (objective.unit == "FLOPs") return {"MFLOPs", 1e6, true};
  return {objective.name, 1, false};
}

struct FrontDot {
  std::vector<double> values;  ///< [objectives], in the units of the axes
  std::size_t sampler = 0;
};

std::vector<double> over_units(const std::vector<double>& values,
                               const std::vector<FrontAxis>& axes) {
  std::vector<double> scaled;
  for (std::size_t m = 0; m < axes.size(); ++m) scaled.push_back(values[m] / axes[m].unit);
  return scaled;
}

/// What is to be shown, a little wider.
std::pair<double, double> range_of(const std::vector<FrontDot>& dots,
                                   const std::vector<std::vector<double>>& paper, std::size_t m,
                                   bool log) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  const auto widen = [&](double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  };
  for (const FrontDot& dot : dots) widen(dot.values[m]);
  for (const std::vector<double>& point : paper) widen(point[m]);
  if (log) return {low / 1.2, high * 1.2};
  const double margin = high > low ? (high - low) / 20 : std::max(1e-3, std::abs(high) / 20);
  return {low - margin, high + margin};
}

}  // namespace

std::string fronts_picture(const Comparison& comparison) {
  constexpr double kSide = 250;
  constexpr double kAcross = kSide + 76;
  constexpr double kDown = kSide + 70;
  constexpr double kTop = 60;
  std::set<std::string> names;
  for (const RunFindings& found : comparison.runs) names.insert(found.run.sampler);
  const std::vector<std::string> samplers(names.begin(), names.end());
  std::vector<FrontAxis> axes;
  for (const study::Objective& objective : comparison.objectives)
    axes.push_back(axis_of(objective));
  std::vector<FrontDot> dots;
  for (const RunFindings& found : comparison.runs) {
    const auto place = std::ranges::find(samplers, found.run.sampler) - samplers.begin();
    for (const study::Trial& trial : found.front) {
      dots.push_back({over_units(trial.objectives, axes), static_cast<std::size_t>(place)});
    }
  }
  if (dots.empty()) return "";
  std::vector<std::vector<double>> paper;
  for (const PaperPoint& point : comparison.recipe.points) paper.push_back(over_units(point, axes));

  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (std::size_t a = 0; a < axes.size(); ++a) {
    for (std::size_t b = a + 1; b < axes.size(); ++b) pairs.emplace_back(b, a);
  }
  const std::size_t columns = std::min<std::size_t>(3, pairs.size());
  const std::size_t rows = ceil_div(pairs.size(), columns);
  compare::Svg svg(20 + kAcross * static_cast<double>(std::max<std::size_t>(2, columns)),
                   kTop + kDown * static_cast<double>(rows));
  double x = 66;
  const auto entry = [&](const std::string& name, const auto& sign) {
    sign(x);
    svg.text(x + 9, 24, name, "name");
    x += 34 + 7 * static_cast<double>(name.size());
  };
  for (std::size_t i = 0; i < samplers.size(); ++i) {
    entry(samplers[i], [&](double at) { svg.dot(at, 20, 4, compare::series_colour(i), 1); });
  }
  if (!paper.empty()) {
    entry("the paper's networks",
          [&](double at) { svg.square(at - 4, 16, 8, 8, kPaperColour, 1); });
  }
  for (std::size_t k = 0; k < pairs.size(); ++k) {
    const auto [a, b] = pairs[k];
    const std::size_t row = k / columns;
    const compare::Frame frame{66 + kAcross * static_cast<double>(k % columns),
                               kTop - 10 + kDown * static_cast<double>(row),
                               kSide,
                               kSide,
                               range_of(dots, paper, a, axes[a].log),
                               range_of(dots, paper, b, axes[b].log),
                               axes[a].log,
                               axes[b].log};
    svg.axes(frame, axes[a].label, axes[b].label, 4, 5, true);
    for (const FrontDot& dot : dots) {
      svg.dot(frame.px(dot.values[a]), frame.py(dot.values[b]), 3,
              compare::series_colour(dot.sampler), 0.6);
    }
    for (const std::vector<double>& point : paper) {
      svg.square(frame.px(point[a]) - 4, frame.py(point[b]) - 4, 8, 8, kPaperColour, 1);
    }
  }
  return svg.end();
}

}  // namespace paretiny::reproduce
