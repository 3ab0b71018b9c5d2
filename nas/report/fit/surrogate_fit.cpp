#include "nas/report/fit/surrogate_fit.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "kernels/core/stream.h"
#include "nas/experiment/constraints.h"
#include "nas/samplers/acquisition/knowledge.h"
#include "nas/samplers/acquisition/outcome_transform.h"
#include "nas/summary/format.h"
#include "nas/summary/scales.h"
#include "nas/surrogate/leave_one_out.h"

namespace paretiny::report {
namespace {

using summary::escape_html;

/// Trials with something measured, as samplers see them.
std::vector<samplers::Observation> measured_history(const study::StudyHeader& header,
                                                    const space::Space& space,
                                                    const std::vector<study::Trial>& trials) {
  std::vector<samplers::Observation> history;
  for (const study::Trial& trial : trials) {
    const bool done = trial.state == study::TrialState::done;
    if (!done && trial.state != study::TrialState::infeasible) continue;
    history.push_back({space.encode(trial.values),
                       done ? samplers::Outcome::finished : samplers::Outcome::infeasible,
                       minimised(header.objectives, trial.objectives),
                       experiment::misses(header.constraints, trial.metrics)});
  }
  return history;
}

/// Names of all quantities: objectives, then every bound of the constraints.
std::vector<std::string> quantity_names(const study::StudyHeader& header) {
  std::vector<std::string> names;
  for (const study::Objective& objective : header.objectives) names.push_back(objective.name);
  for (const study::Constraint& constraint : header.constraints) {
    if (constraint.at_least) names.push_back(constraint.name + " (at least)");
    if (constraint.at_most) names.push_back(constraint.name + " (at most)");
  }
  return names;
}

/// The rows of a training set that are taken, in place.
void thin(surrogate::TrainingSet& set) {
  const auto n = static_cast<std::size_t>(set.y.size());
  if (n <= kMostFitted) return;
  std::vector<Eigen::Index> rows;
  for (const std::size_t i : samplers::evenly(n, kMostFitted)) {
    rows.push_back(static_cast<Eigen::Index>(i));
  }
  set.x = surrogate::RowMatrix(set.x(rows, Eigen::all));
  set.y = Eigen::VectorXd(set.y(rows));
}

std::vector<std::pair<std::string, double>> by_parameter(const space::Space& space,
                                                         const Eigen::VectorXd& lengths) {
  std::vector<std::pair<std::string, double>> result;
  for (std::size_t p = 0; p < space.parameters().size(); ++p) {
    const bayes::CubeParameter& cube = space.cube()[p];
    result.emplace_back(space.parameters()[p].name,
                        lengths.segment(cube.first, cube.width).minCoeff());
  }
  return result;
}

/// Predictions over measurements, with the line on which they are equal.
std::string scatter(const SurrogateFit& fit) {
  constexpr double kSide = 220;
  constexpr double kMargin = 26;
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const auto* values : {&fit.measured, &fit.predicted}) {
    low = std::min(low, *std::ranges::min_element(*values));
    high = std::max(high, *std::ranges::max_element(*values));
  }
  if (!(high > low)) high = low + 1;
  const auto at = [&](double value) {
    return (value - low) / (high - low) * (kSide - 2 * kMargin);
  };
  const auto x = [&](double value) { return kMargin + at(value); };
  const auto y = [&](double value) { return kSide - kMargin - at(value); };
  std::string out = fmt::format(
      "<figure class=\"fit\"><svg width=\"{0}\" height=\"{0}\" role=\"img\" aria-label=\"{1}: "
      "predicted against measured\">\n<text class=\"title\" x=\"{2}\" y=\"14\">{1}</text>\n<line "
      "class=\"gridline\" x1=\"{3:.1f}\" y1=\"{4:.1f}\" x2=\"{5:.1f}\" y2=\"{6:.1f}\"/>\n",
      kSide, escape_html(fit.name), kMargin, x(low), y(low), x(high), y(high));
  for (std::size_t i = 0; i < fit.measured.size(); ++i) {
    out += fmt::format("<circle class=\"point inside\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\"/>\n",
                       x(fit.measured[i]), y(fit.predicted[i]));
  }
  return out + fmt::format(
                   "<text x=\"{0:.1f}\" y=\"{1:.1f}\" text-anchor=\"end\">measured →</text>\n<text "
                   "x=\"2\" y=\"{2:.1f}\">↑</text>\n</svg><figcaption>R² {3:.2f}, {4} "
                   "trials</figcaption></figure>\n",
                   kSide - kMargin, kSide - 8, kMargin + 10, fit.r2, fit.measured.size());
}

}  // namespace

std::vector<SurrogateFit> surrogate_fits(const study::StudyHeader& header,
                                         const std::vector<study::Trial>& trials) {
  samplers::SamplerProblem problem;
  std::vector<samplers::Observation> history;
  try {
    problem.space = space::described_space(header.space);
    history = measured_history(header, problem.space, trials);
  } catch (const UsageError&) {
    return {};  // of another program; the rest of the report needs no space
  }
  problem.objectives = header.objectives.size();
  problem.reference = summary::objective_reference(header.objectives, trials);
  for (const study::Objective& objective : header.objectives) {
    problem.limits.push_back(objective.limit ? minimised(objective, *objective.limit)
                                             : std::numeric_limits<double>::infinity());
  }
  problem.constraints = experiment::bounds_of(header.constraints);
  const samplers::Transformed seen = samplers::transformed(problem, history, true);
  const samplers::Knowledge knowledge(seen.problem, seen.history);
  const std::vector<std::string> names = quantity_names(header);
  std::vector<surrogate::TrainingSet> sets;
  std::vector<SurrogateFit> fits;
  for (std::size_t s = 0; s < knowledge.sets.size(); ++s) {
    const std::size_t number = knowledge.quantities[s].number;
    if (number >= names.size()) continue;  // failure
    if (static_cast<std::size_t>(knowledge.sets[s].y.size()) < kLeastFitted) continue;
    sets.push_back(knowledge.sets[s]);
    thin(sets.back());
    fits.push_back({names[number], {}, {}, 0, {}});
  }
  if (sets.empty()) return fits;
  const std::unique_ptr<Stream> stream = Stream::create(Device{});
  const surrogate::Surrogates surrogates(*stream, sets);
  for (std::size_t s = 0; s < fits.size(); ++s) {
    const surrogate::LeaveOneOut left = surrogate::leave_one_out(surrogates, s);
    fits[s].measured.assign(left.measured.begin(), left.measured.end());
    fits[s].predicted.assign(left.predicted.begin(), left.predicted.end());
    fits[s].r2 = left.r2;
    fits[s].lengthscales = by_parameter(problem.space, surrogate::lengthscales(surrogates, s));
  }
  return fits;
}

std::string surrogates_section(const std::vector<SurrogateFit>& fits) {
  std::string out = fmt::format(
      "<section id=\"surrogates\">\n<h2>What the surrogates predict</h2>\n<p class=\"note\">Each "
      "trial predicted by a Gaussian process of the others (leave one out), in the units that "
      "samplers compute in: 0 is the least measured, 1 the reference or the limit. R² near 1: the "
      "model knows; near 0 or below: it knows nothing, and samplers that learn are led by noise. "
      "Lengthscales are shares of a parameter's range: the shorter, the more it matters.</p>\n");
  if (fits.empty()) {
    return out + fmt::format(
                     "<p class=\"empty\">This needs at least {} measured trials.</p>\n"
                     "</section>\n",
                     kLeastFitted);
  }
  out += "<div class=\"fits\">\n";
  for (const SurrogateFit& fit : fits) out += scatter(fit);
  out += "</div>\n<div class=\"scroll\"><table class=\"scales\"><thead><tr><th>lengthscale</th>";
  for (const SurrogateFit& fit : fits) out += fmt::format("<th>{}</th>", escape_html(fit.name));
  out += "</tr></thead><tbody>\n";
  for (std::size_t p = 0; p < fits[0].lengthscales.size(); ++p) {
    out += fmt::format("<tr><th>{}</th>", escape_html(fits[0].lengthscales[p].first));
    for (const SurrogateFit& fit : fits) {
      out += fmt::format("<td>{:.2g}</td>", fit.lengthscales[p].second);
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n</section>\n";
}

}  // namespace paretiny::report
