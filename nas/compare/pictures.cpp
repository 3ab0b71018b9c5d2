#include "nas/compare/pictures.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "kernels/core/host_device.h"
#include "nas/compare/svg.h"

namespace paretiny::compare {
namespace {

using Line = std::vector<std::pair<double, double>>;

/// The range of the lines, their bands and the marks, a twentieth wider; never empty.
std::pair<double, double> range_of(const std::vector<Progression>& progressions,
                                   const std::vector<ReferenceMark>& marks) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const ReferenceMark& mark : marks) {
    low = std::min(low, mark.value);
    high = std::max(high, mark.value);
  }
  for (const Progression& p : progressions) {
    for (std::size_t t = 0; t < p.mean.size(); ++t) {
      low = std::min(low, p.mean[t] - p.error[t]);
      high = std::max(high, p.mean[t] + p.error[t]);
    }
  }
  const double margin = high > low ? (high - low) / 20 : std::max(1e-3, std::abs(high) / 20);
  return {low - margin, high + margin};
}

/// The most trials that a line has, at least 2.
double longest(const std::vector<Progression>& progressions) {
  std::size_t most = 2;
  for (const Progression& p : progressions) most = std::max(most, p.mean.size());
  return static_cast<double>(most);
}

/// The first objective on a grid of the two inputs, as greys; by rank, since objectives may span
/// orders of magnitude.
void draw_ground(Svg& svg, const Frame& frame, const problems::Problem& problem) {
  constexpr int kCells = 48;  // a cell of 5 pixels: finer ones only make the file larger
  std::vector<double> values;
  for (int j = 0; j < kCells; ++j) {
    for (int i = 0; i < kCells; ++i) {
      values.push_back(
          problems::evaluate_unit(problem, {(i + 0.5) / kCells, (j + 0.5) / kCells}).objectives[0]);
    }
  }
  std::vector<double> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  constexpr int kShades = 8;  // the eye tells no more greys apart
  const double width = frame.width / kCells;
  const double height = frame.height / kCells;
  const auto shade = [&](int i, int j) {
    const double value = values[static_cast<std::size_t>(j * kCells + i)];
    const auto below = std::lower_bound(sorted.begin(), sorted.end(), value) - sorted.begin();
    return kShades - 1 - static_cast<int>(below * kShades / (kCells * kCells));
  };
  for (int j = 0; j < kCells; ++j) {
    for (int i = 0, end = 0; i < kCells; i = end) {
      while (end < kCells && shade(end, j) == shade(i, j)) ++end;
      if (shade(i, j) == 0) continue;
      svg.square(frame.left + i * width, frame.top + frame.height - (j + 1) * height,
                 (end - i) * width, height, "#7a8699", 0.05 * shade(i, j));
    }
  }
}

}  // namespace

std::string progress_picture(const problems::Problem& problem, const Results& results,
                             const std::vector<ReferenceMark>& marks,
                             const std::string& mark_title) {
  const std::vector<Progression> progressions = results.progressions();
  const std::vector<Standing> standings = results.standings();
  std::size_t widest = 0;
  for (const Standing& s : standings) widest = std::max(widest, s.label.size());
  const Frame frame{72, 44, 560, 340, {1, longest(progressions)}, range_of(progressions, marks)};
  const double legend = frame.left + frame.width + 18;
  if (!marks.empty()) widest = std::max(widest, mark_title.size());
  Svg svg(legend + 40 + 7 * static_cast<double>(widest), 436);
  svg.text(frame.left, 24, problem.name, "title");
  svg.text(frame.left + frame.width, 24, "mean and standard error over the seeds", "label", "end");
  svg.axes(frame, "trials",
           problem.max_hypervolume ? "log10 of the hypervolume missing" : "hypervolume", 8, 7,
           true);
  for (std::size_t i = 0; i < progressions.size(); ++i) {
    const Progression& p = progressions[i];
    Line line;
    Line band;
    for (std::size_t t = 0; t < p.mean.size(); ++t) {
      const double x = frame.px(static_cast<double>(t + 1));
      line.emplace_back(x, frame.py(p.mean[t]));
      band.emplace_back(x, frame.py(p.mean[t] + p.error[t]));
    }
    for (std::size_t t = p.mean.size(); t-- > 0;) {
      band.emplace_back(line[t].first, frame.py(p.mean[t] - p.error[t]));
    }
    svg.area(band, series_colour(i));
    svg.line(line, series_colour(i));
  }
  const auto colour = [&](const std::string& label) {
    const auto found = std::ranges::find(progressions, label, &Progression::label);
    return found == progressions.end()
               ? std::string("#7a8699")
               : series_colour(static_cast<std::size_t>(found - progressions.begin()));
  };
  for (const ReferenceMark& mark : marks) {
    svg.dot(frame.left + frame.width, frame.py(mark.value), 4.5, colour(mark.label), 1);
  }
  // The legend in the order of the outcome, the best first.
  double y = frame.top + 10;
  for (const Standing& standing : standings) {
    svg.line({{legend, y}, {legend + 18, y}}, colour(standing.label));
    svg.text(legend + 24, y + 4, standing.label, "name");
    y += 20;
  }
  if (!marks.empty()) {
    svg.dot(legend + 9, y, 4.5, "#7a8699", 1);
    svg.text(legend + 24, y + 4, mark_title, "name");
  }
  return svg.end();
}

std::string places_picture(const problems::Problem& problem, const Results& results) {
  if (problem.inputs() != 2) {
    throw UsageError(
        fmt::format("{} has {} inputs; only two can be drawn", problem.name, problem.inputs()));
  }
  constexpr double kSide = 240;
  constexpr double kAcross = kSide + 60;
  constexpr double kDown = kSide + 76;
  const std::vector<const SamplerRun*> runs = results.first_runs();
  const std::size_t columns = std::min<std::size_t>(3, std::max<std::size_t>(1, runs.size()));
  const std::size_t rows = ceil_div(runs.size(), columns);
  Svg svg(20 + kAcross * static_cast<double>(columns), 34 + kDown * static_cast<double>(rows));
  svg.text(20, 22, problem.name + ": where each sampler went", "title");
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const SamplerRun& run = *runs[i];
    const std::size_t row = i / columns;
    const double right = kAcross * static_cast<double>(i % columns);
    const double down = kDown * static_cast<double>(row);
    const Frame frame{60 + right,
                      60 + down,
                      kSide,
                      kSide,
                      {problem.lower[0], problem.upper[0]},
                      {problem.lower[1], problem.upper[1]}};
    if (i == 0) {
      svg.begin_group("ground");
      draw_ground(svg, frame, problem);
      svg.end_group();
    } else {
      svg.repeat_group("ground", right, down);
    }
    svg.axes(frame, "", "", 4, 4, false);
    svg.text(frame.left, frame.top - 8, fmt::format("{}, seed {}", run.label, run.seed), "name");
    for (std::size_t t = 0; t < run.trials.size(); ++t) {
      const double late = static_cast<double>(t + 1) / static_cast<double>(run.trials.size());
      svg.dot(frame.px(run.trials[t].x[0]), frame.py(run.trials[t].x[1]), 3, series_colour(i),
              0.3 + 0.7 * late);
    }
  }
  return svg.end();
}

}  // namespace paretiny::compare
