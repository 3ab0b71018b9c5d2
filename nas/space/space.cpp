#include "nas/space/space.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/nearest.h"

namespace paretiny::space {
namespace {

/// Largest magnitude of an integer parameter: up to here every share of the unit interval is wide
/// enough, also in log(value), for encode and decode to be exact inverses.
constexpr double kIntegerLimit = 0x1p40;

bayes::CubeParameter on_cube(const Parameter& p, std::size_t first_coordinate) {
  const auto first = static_cast<std::int32_t>(first_coordinate);
  switch (p.kind) {
    case ParameterKind::real:
      return bayes::cube_number(bayes::CubeParameter::real, first, p.low, p.high, p.log);
    case ParameterKind::integer:
      return bayes::cube_number(bayes::CubeParameter::integer, first, p.low, p.high, p.log);
    case ParameterKind::categorical:
      break;
  }
  return bayes::cube_choice(first, static_cast<std::int32_t>(p.choices.size()));
}

void check_choices(const Parameter& p) {
  if (p.choices.empty()) {
    throw UsageError(fmt::format("parameter '{}' has no choices; give at least one", p.name));
  }
  std::set<std::string> seen;
  for (const std::string& choice : p.choices) {
    if (!seen.insert(choice).second) {
      throw UsageError(
          fmt::format("parameter '{}' lists the choice '{}' twice; list it once", p.name, choice));
    }
  }
}

void check_bounds(const Parameter& p) {
  if (!std::isfinite(p.low) || !std::isfinite(p.high)) {
    throw UsageError(fmt::format("parameter '{}' has bounds {} .. {}; both must be finite", p.name,
                                 p.low, p.high));
  }
  if (p.low > p.high) {
    throw UsageError(fmt::format("parameter '{}' has its low bound {} above its high bound {}",
                                 p.name, p.low, p.high));
  }
  if (p.log && p.low <= 0) {
    throw UsageError(fmt::format("parameter '{}' is logarithmic with low bound {}; it must be > 0",
                                 p.name, p.low));
  }
  if (p.kind != ParameterKind::integer) return;
  if (p.low != std::floor(p.low) || p.high != std::floor(p.high)) {
    throw UsageError(fmt::format("integer parameter '{}' has bounds {} .. {}; both must be whole",
                                 p.name, p.low, p.high));
  }
  if (std::max(std::abs(p.low), std::abs(p.high)) > kIntegerLimit) {
    throw UsageError(fmt::format("integer parameter '{}' has bounds {} .. {}; at most 2^40 in size",
                                 p.name, p.low, p.high));
  }
}

double number_of(const Parameter& p, const Value& value) {
  double number = 0;
  if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    number = static_cast<double>(*whole);
  } else if (const auto* real = std::get_if<double>(&value);
             real != nullptr && p.kind == ParameterKind::real) {
    number = *real;
  } else {
    throw UsageError(fmt::format("parameter '{}' is '{}'; it must be {}", p.name, to_string(value),
                                 p.kind == ParameterKind::real ? "a number" : "an integer"));
  }
  if (!(number >= p.low && number <= p.high)) {
    throw UsageError(fmt::format("parameter '{}' is {}; it must lie in {} .. {}", p.name,
                                 to_string(value), p.low, p.high));
  }
  return number;
}

std::size_t choice_of(const Parameter& p, const Value& value) {
  const std::string text = to_string(value);
  const auto at = std::find(p.choices.begin(), p.choices.end(), text);
  if (at == p.choices.end()) {
    throw UsageError(fmt::format("parameter '{}' has no choice '{}'{}", p.name, text,
                                 suggestion(text, p.choices)));
  }
  return static_cast<std::size_t>(at - p.choices.begin());
}

}  // namespace

Space::Space(std::vector<Parameter> parameters) : parameters_(std::move(parameters)) {
  if (parameters_.empty()) throw UsageError("the space has no parameters; define at least one");
  std::set<std::string> names;
  for (const Parameter& p : parameters_) {
    if (p.name.empty()) throw UsageError("a parameter of the space has no name");
    if (!names.insert(p.name).second) {
      throw UsageError(fmt::format("parameter '{}' is defined twice; define it once", p.name));
    }
    p.kind == ParameterKind::categorical ? check_choices(p) : check_bounds(p);
    cube_.push_back(on_cube(p, dimensions_));
    dimensions_ += static_cast<std::size_t>(cube_.back().width);
  }
}

void Space::check_point(const std::vector<double>& x) const {
  if (x.size() != dimensions_) {
    throw UsageError(
        fmt::format("a point of {} coordinates was given to a space of {}", x.size(), dimensions_));
  }
  if (std::any_of(x.begin(), x.end(), [](double coordinate) { return std::isnan(coordinate); })) {
    throw UsageError("a point of the space has a coordinate that is not a number");
  }
}

Values Space::decode(const std::vector<double>& x) const {
  check_point(x);
  Values values;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Parameter& p = parameters_[i];
    const double position = x[static_cast<std::size_t>(cube_[i].first)];
    switch (p.kind) {
      case ParameterKind::real:
        values[p.name] = bayes::decode_real(cube_[i], position);
        break;
      case ParameterKind::integer:
        values[p.name] = static_cast<std::int64_t>(bayes::decode_integer(cube_[i], position));
        break;
      case ParameterKind::categorical:
        values[p.name] =
            p.choices[static_cast<std::size_t>(bayes::decode_choice(cube_[i], x.data()))];
        break;
    }
  }
  return values;
}

std::vector<double> Space::encode(const Values& values) const {
  for (const auto& [name, value] : values) {
    const auto known = [&name = name](const Parameter& p) { return p.name == name; };
    if (std::none_of(parameters_.begin(), parameters_.end(), known)) {
      std::vector<std::string> names;
      for (const Parameter& p : parameters_) names.push_back(p.name);
      throw UsageError(
          fmt::format("the space has no parameter '{}'{}", name, suggestion(name, names)));
    }
  }
  std::vector<double> x(dimensions_);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Parameter& p = parameters_[i];
    const auto first = static_cast<std::size_t>(cube_[i].first);
    const auto at = values.find(p.name);
    if (at == values.end()) {
      throw UsageError(fmt::format("parameter '{}' has no value; give it one", p.name));
    }
    switch (p.kind) {
      case ParameterKind::real:
        x[first] = bayes::encode_real(cube_[i], number_of(p, at->second));
        break;
      case ParameterKind::integer:
        x[first] = bayes::encode_integer(cube_[i], number_of(p, at->second));
        break;
      case ParameterKind::categorical:
        x[first + choice_of(p, at->second)] = 1;
        break;
    }
  }
  return x;
}

std::vector<double> Space::snap(const std::vector<double>& x) const {
  check_point(x);
  std::vector<double> snapped = x;
  for (const bayes::CubeParameter& parameter : cube_) bayes::snap(parameter, snapped.data());
  return snapped;
}

std::uint64_t Space::cardinality() const {
  std::uint64_t product = 1;
  for (const Parameter& p : parameters_) {
    std::uint64_t count = 1;
    if (p.kind == ParameterKind::categorical) {
      count = p.choices.size();
    } else if (p.kind == ParameterKind::integer) {
      count = static_cast<std::uint64_t>(p.high - p.low) + 1;
    } else if (p.low != p.high) {
      return 0;
    }
    if (__builtin_mul_overflow(product, count, &product)) return 0;
  }
  return product;
}

std::string Space::describe() const {
  std::string text;
  for (const Parameter& p : parameters_) {
    switch (p.kind) {
      case ParameterKind::real:
        text += fmt::format("{:?} real {} {}", p.name, p.low, p.high);
        break;
      case ParameterKind::integer:
        text += fmt::format("{:?} integer {} {}", p.name, p.low, p.high);
        break;
      case ParameterKind::categorical:
        text += fmt::format("{:?} categorical", p.name);
        for (const std::string& choice : p.choices) text += fmt::format(" {:?}", choice);
        break;
    }
    text += p.kind != ParameterKind::categorical && p.log ? " log\n" : "\n";
  }
  return text;
}

}  // namespace paretiny::space
