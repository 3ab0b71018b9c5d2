#include "nas/stopping/final_value.h"

#include <algorithm>
#include <cmath>

#include "kernels/core/random.h"

namespace paretiny::stopping {
namespace {

/// Fewer examples teach nothing.
constexpr std::size_t kFewestRows = 4;
/// A product that should be a whole number may lie above it.
constexpr double kRankRounding = 1e-9;

/// Which of `count` scores bounds a new one with probability 1 - alpha, counted from 1.
double conformal_rank(std::size_t count, double alpha) {
  return std::ceil(static_cast<double>(count + 1) * (1 - alpha) - kRankRounding);
}

/// The half that calibrates: of every two exempt examples one, drawn by the later one's number.
std::vector<bool> calibrating(const std::vector<FinalValue::Example>& examples,
                              std::uint64_t seed) {
  std::vector<bool> chosen(examples.size(), false);
  std::optional<std::size_t> first;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    if (!examples[i].exempt) continue;
    if (!first) {
      first = i;
      continue;
    }
    const auto number = static_cast<std::uint64_t>(examples[i].course->number);
    const bool earlier = Random(seed, "stop calibration", number).uniform() < 0.5;
    chosen[earlier ? *first : i] = true;
    first.reset();
  }
  return chosen;
}

}  // namespace

FinalValue::FinalValue(const std::vector<Example>& examples, Options options)
    : options_(std::move(options)) {
  const std::vector<bool> chosen = calibrating(examples, options_.seed);
  std::vector<Example> fit, rest;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    (chosen[i] ? rest : fit).push_back(examples[i]);
  }
  for (std::size_t k = 0; k < options_.fractions.size(); ++k) models_.push_back(learn(fit, k));

  const double rank = conformal_rank(rest.size(), options_.alpha);
  if (rank > static_cast<double>(rest.size())) return;
  std::vector<double> scores;
  for (const Example& example : rest) scores.push_back(score(example));
  std::ranges::sort(scores);
  quantile_ = std::max(0.0, scores[static_cast<std::size_t>(rank) - 1]);
}

std::size_t FinalValue::fewest(double alpha) {
  std::size_t count = kFewestRows;
  while (conformal_rank(count, alpha) > static_cast<double>(count)) ++count;
  return 2 * count;
}

std::optional<Ridge> FinalValue::learn(const std::vector<Example>& examples,
                                       std::size_t decision) const {
  Features rows;
  std::vector<double> gains;
  std::size_t leading = 0;
  for (const Example& example : examples) {
    const Course& course = *example.course;
    const auto at = decision_points(course.curve, options_.fractions, course.earliest)[decision];
    if (!at || !std::isfinite(example.value)) continue;
    const double now = course.curve[*at].values[options_.open];
    if (!std::isfinite(now)) continue;
    rows.push_back(curve_features(course.curve, *at, options_.open, course.x));
    gains.push_back(inward(example.value) - inward(now));
    leading = rows.back().size() - course.x.size();
  }
  if (rows.size() < kFewestRows) return std::nullopt;
  return Ridge(rows, gains, leading);
}

double FinalValue::score(const Example& example) const {
  double worst = -std::numeric_limits<double>::infinity();
  if (!std::isfinite(example.value)) return worst;
  const Course& course = *example.course;
  const auto points = decision_points(course.curve, options_.fractions, course.earliest);
  for (std::size_t k = 0; k < points.size(); ++k) {
    if (!points[k]) continue;
    if (const auto guess = inner(course, k, *points[k])) {
      worst = std::max(worst, (guess->first - inward(example.value)) / guess->second);
    }
  }
  return worst;
}

std::optional<std::pair<double, double>> FinalValue::inner(const Course& course,
                                                           std::size_t decision,
                                                           std::size_t at) const {
  const std::optional<Ridge>& model = models_[decision];
  const double now = course.curve[at].values[options_.open];
  if (!model || !std::isfinite(now)) return std::nullopt;
  const double value =
      inward(now) + model->predict(curve_features(course.curve, at, options_.open, course.x));
  if (!std::isfinite(value)) return std::nullopt;
  return std::pair{value, model->deviation()};
}

std::optional<Prediction> FinalValue::predict(const Course& course, std::size_t decision,
                                              std::size_t at) const {
  const auto guess = inner(course, decision, at);
  if (!guess) return std::nullopt;
  const auto [value, deviation] = *guess;
  Prediction prediction;
  prediction.value = outward(value);
  prediction.deviation = 0.5 * (outward(value + deviation) - outward(value - deviation));
  prediction.lower = bounded() ? outward(value - quantile_ * deviation) : options_.lowest;
  return prediction;
}

double FinalValue::inward(double value) const {
  return std::isinf(options_.lowest) ? value : std::sqrt(std::max(0.0, value - options_.lowest));
}

double FinalValue::outward(double inner) const {
  const double positive = std::max(0.0, inner);
  return std::isinf(options_.lowest) ? inner : options_.lowest + positive * positive;
}

}  // namespace paretiny::stopping
