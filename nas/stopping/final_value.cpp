#include "nas/stopping/final_value.h"

#include <algorithm>
#include <cmath>

#include "kernels/core/random.h"

namespace paretiny::stopping {
namespace {

/// Fewer examples teach nothing.
constexpr std::size_t kFewestRows = 4;
/// More than so many calibrate little better, and each costs a regression at every decision point.
/// A small alpha needs more.
constexpr std::size_t kMostCalibrating = 40;
/// A product that should be a whole number may lie below it.
constexpr double kRankRounding = 1e-9;

/// Which of `count` bounds, from the smallest, holds with the others at level alpha; 0 for none.
std::size_t jackknife_rank(std::size_t count, double alpha) {
  return std::min(count,
                  static_cast<std::size_t>(alpha * static_cast<double>(count + 1) + kRankRounding));
}

/// Which of the examples calibrate: the exempt ones, or `most` of them, drawn.
std::vector<std::size_t> calibrating(const std::vector<FinalValue::Example>& examples,
                                     std::size_t most, std::uint64_t seed) {
  std::vector<std::pair<double, std::size_t>> drawn;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    if (!examples[i].exempt) continue;
    const auto number = static_cast<std::uint64_t>(examples[i].course->number);
    drawn.emplace_back(Random(seed, "stop calibration", number).uniform(), i);
  }
  std::ranges::sort(drawn);
  drawn.resize(std::min(drawn.size(), most));
  std::vector<std::size_t> chosen;
  for (const auto& [draw, i] : drawn) chosen.push_back(i);
  return chosen;
}

}  // namespace

FinalValue::FinalValue(const std::vector<Example>& examples, Options options)
    : options_(std::move(options)) {
  models_ = learn(examples);
  const std::size_t most = std::max(kMostCalibrating, fewest(options_.alpha));
  for (const std::size_t i : calibrating(examples, most, options_.seed)) {
    std::vector<Example> others = examples;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
    Models models = learn(others);
    const double worst = score(models, examples[i]);
    left_out_.push_back({std::move(models), worst});
  }
}

std::size_t FinalValue::fewest(double alpha) {
  std::size_t count = kFewestRows + 1;
  while (jackknife_rank(count, alpha) == 0) ++count;
  return count;
}

bool FinalValue::enough(const std::vector<Example>& examples, double alpha) {
  return static_cast<std::size_t>(std::ranges::count_if(examples, &Example::exempt)) >=
         fewest(alpha);
}

FinalValue::Models FinalValue::learn(const std::vector<Example>& examples) const {
  Models models;
  for (std::size_t k = 0; k < options_.fractions.size(); ++k) models.push_back(learn(examples, k));
  return models;
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

double FinalValue::score(const Models& models, const Example& example) const {
  double worst = 0;
  if (!std::isfinite(example.value)) return worst;
  const Course& course = *example.course;
  const auto points = decision_points(course.curve, options_.fractions, course.earliest);
  for (std::size_t k = 0; k < points.size(); ++k) {
    if (!points[k]) continue;
    if (const auto guess = inner(models[k], course, *points[k])) {
      worst = std::max(worst, (guess->first - inward(example.value)) / guess->second);
    }
  }
  return worst;
}

std::optional<std::pair<double, double>> FinalValue::inner(const std::optional<Ridge>& model,
                                                           const Course& course,
                                                           std::size_t at) const {
  const double now = course.curve[at].values[options_.open];
  if (!model || !std::isfinite(now)) return std::nullopt;
  const double value =
      inward(now) + model->predict(curve_features(course.curve, at, options_.open, course.x));
  if (!std::isfinite(value)) return std::nullopt;
  return std::pair{value, model->deviation()};
}

std::optional<Prediction> FinalValue::predict(const Course& course, std::size_t decision,
                                              std::size_t at) const {
  const auto guess = inner(models_[decision], course, at);
  if (!guess) return std::nullopt;
  const auto [value, deviation] = *guess;
  Prediction prediction;
  prediction.value = outward(value);
  prediction.deviation = 0.5 * (outward(value + deviation) - outward(value - deviation));
  prediction.lower =
      bounded() ? outward(std::min(value, lower(course, decision, at))) : options_.lowest;
  return prediction;
}

double FinalValue::lower(const Course& course, std::size_t decision, std::size_t at) const {
  std::vector<double> bounds;
  for (const LeftOut& left_out : left_out_) {
    const auto guess = inner(left_out.models[decision], course, at);
    bounds.push_back(guess ? guess->first - left_out.score * guess->second
                           : -std::numeric_limits<double>::infinity());
  }
  std::ranges::sort(bounds);
  return bounds[jackknife_rank(bounds.size(), options_.alpha) - 1];
}

double FinalValue::inward(double value) const {
  return std::isinf(options_.lowest) ? value : std::sqrt(std::max(0.0, value - options_.lowest));
}

double FinalValue::outward(double inner) const {
  const double positive = std::max(0.0, inner);
  return std::isinf(options_.lowest) ? inner : options_.lowest + positive * positive;
}

}  // namespace paretiny::stopping
