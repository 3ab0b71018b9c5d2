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

/// A choice as its file has it: of a whole number the type shows.
std::string as_written(const Value& choice) {
  std::string text = to_string(choice);
  const bool whole = text.find_first_not_of("-0123456789") == std::string::npos;
  return std::holds_alternative<double>(choice) && whole ? text + ".0" : text;
}

double steps_of(const Parameter& p) {
  return (p.high - p.low) / static_cast<double>(p.step);
}

bayes::CubeParameter on_cube(const Parameter& p, std::size_t first_coordinate) {
  const auto first = static_cast<std::int32_t>(first_coordinate);
  switch (p.kind) {
    case ParameterKind::real:
      return bayes::cube_number(bayes::CubeParameter::real, first, p.low, p.high, p.log);
    case ParameterKind::integer:
      // With steps, the number of the step takes the place of the value.
      if (p.step != 1) {
        return bayes::cube_number(bayes::CubeParameter::integer, first, 0, steps_of(p), false);
      }
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
  for (auto choice = p.choices.begin(); choice != p.choices.end(); ++choice) {
    const auto again = [&](const Value& other) { return same(*choice, other); };
    if (std::any_of(p.choices.begin(), choice, again)) {
      throw UsageError(fmt::format("parameter '{}' lists the choice '{}' twice; list it once",
                                   p.name, to_string(*choice)));
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
  if (p.kind != ParameterKind::integer) {
    if (p.step == 1) return;
    throw UsageError(fmt::format("parameter '{}' has a step; only an integer has one", p.name));
  }
  if (p.low != std::floor(p.low) || p.high != std::floor(p.high)) {
    throw UsageError(fmt::format("integer parameter '{}' has bounds {} .. {}; both must be whole",
                                 p.name, p.low, p.high));
  }
  if (std::max(std::abs(p.low), std::abs(p.high)) > kIntegerLimit) {
    throw UsageError(fmt::format("integer parameter '{}' has bounds {} .. {}; at most 2^40 in size",
                                 p.name, p.low, p.high));
  }
  if (p.step == 1) return;
  if (p.step < 1) {
    throw UsageError(
        fmt::format("integer parameter '{}' has a step of {}; it must be > 0", p.name, p.step));
  }
  if (p.log) {
    throw UsageError(fmt::format(
        "integer parameter '{}' has a step and is logarithmic; it can be one of both", p.name));
  }
  if (steps_of(p) != std::floor(steps_of(p))) {
    const double last = p.low + std::floor(steps_of(p)) * static_cast<double>(p.step);
    throw UsageError(
        fmt::format("integer parameter '{}' goes from {} in steps of {}, which leave "
                    "out {}; the last is {}",
                    p.name, p.low, p.step, p.high, last));
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
  const double steps = (number - p.low) / static_cast<double>(p.step);
  if (p.step != 1 && steps != std::floor(steps)) {
    throw UsageError(fmt::format("parameter '{}' is {}; it goes from {} in steps of {}", p.name,
                                 to_string(value), p.low, p.step));
  }
  return number;
}

std::size_t choice_of(const Parameter& p, const Value& value) {
  const auto at = std::find_if(p.choices.begin(), p.choices.end(),
                               [&](const Value& choice) { return same(choice, value); });
  if (at == p.choices.end()) {
    std::vector<std::string> names;
    for (const Value& choice : p.choices) names.push_back(to_string(choice));
    const std::string text = to_string(value);
    throw UsageError(
        fmt::format("parameter '{}' has no choice '{}'{}", p.name, text, suggestion(text, names)));
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
    conditional_ = conditional_ || !p.when.empty();
  }
  check_conditions();
}

const Parameter* Space::find(const std::string& name) const {
  const auto found = std::find_if(parameters_.begin(), parameters_.end(),
                                  [&](const Parameter& p) { return p.name == name; });
  return found == parameters_.end() ? nullptr : &*found;
}

void Space::check_conditions() const {
  for (const Parameter& p : parameters_) {
    for (const Condition& condition : p.when) {
      const auto wrong = [&](const std::string& what) {
        return UsageError(fmt::format("parameter '{}' has a value when '{}' has one of some, {}",
                                      p.name, condition.parameter, what));
      };
      const Parameter* other = find(condition.parameter);
      if (other == nullptr) {
        std::vector<std::string> names;
        for (const Parameter& each : parameters_) names.push_back(each.name);
        throw wrong("which is no parameter of the space" + suggestion(condition.parameter, names));
      }
      if (other->kind == ParameterKind::real) {
        throw wrong("which is a real number; it must be an integer or have choices");
      }
      if (condition.values.empty()) throw wrong("but none is named");
      for (const Value& value : condition.values) {
        try {
          other->kind == ParameterKind::integer ? (void)number_of(*other, value)
                                                : (void)choice_of(*other, value);
        } catch (const UsageError& error) {
          throw wrong(std::string("but ") + error.what());
        }
      }
    }
  }
  // From condition to condition nobody comes back.
  for (const Parameter& p : parameters_) {
    std::set<std::string> above;
    std::vector<const Parameter*> open{&p};
    while (!open.empty()) {
      const Parameter* next = open.back();
      open.pop_back();
      for (const Condition& condition : next->when) {
        if (condition.parameter == p.name) {
          throw UsageError(fmt::format(
              "parameter '{}' has a value only when it has one: its conditions run in a circle",
              p.name));
        }
        if (above.insert(condition.parameter).second) open.push_back(find(condition.parameter));
      }
    }
  }
}

bool Space::active(const Parameter& parameter, const Values& values) const {
  return std::all_of(parameter.when.begin(), parameter.when.end(), [&](const Condition& condition) {
    const auto found = values.find(condition.parameter);
    return found != values.end() && active(*find(condition.parameter), values) &&
           std::any_of(condition.values.begin(), condition.values.end(),
                       [&](const Value& value) { return same(value, found->second); });
  });
}

void Space::put_aside(std::size_t index, std::vector<double>& x) const {
  const bayes::CubeParameter& parameter = cube_[index];
  const bool choice = parameter.kind == bayes::CubeParameter::choice;
  std::fill_n(x.begin() + parameter.first, parameter.width, choice ? 0.0 : 0.5);
  bayes::snap(parameter, x.data());
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
      case ParameterKind::integer: {
        const auto whole = static_cast<std::int64_t>(bayes::decode_integer(cube_[i], position));
        values[p.name] = p.step == 1 ? whole : static_cast<std::int64_t>(p.low) + whole * p.step;
        break;
      }
      case ParameterKind::categorical:
        values[p.name] =
            p.choices[static_cast<std::size_t>(bayes::decode_choice(cube_[i], x.data()))];
        break;
    }
  }
  if (!conditional_) return values;
  Values active_ones = values;
  for (const Parameter& p : parameters_) {
    if (!active(p, values)) active_ones.erase(p.name);
  }
  return active_ones;
}

Values Space::canonical(const Values& values) const {
  Values result;
  for (const auto& [name, value] : values) {
    const Parameter* p = find(name);
    if (p == nullptr || !active(*p, values)) {
      if (p == nullptr) result[name] = value;  // for encode to refuse
      continue;
    }
    const auto* real = std::get_if<double>(&value);
    if (p->kind == ParameterKind::categorical) {
      result[name] = p->choices[choice_of(*p, value)];
    } else if (p->kind == ParameterKind::real) {
      result[name] = number_of(*p, value);
    } else if (real != nullptr && *real == std::floor(*real) && std::abs(*real) <= kIntegerLimit) {
      result[name] = static_cast<std::int64_t>(*real);
    } else {
      result[name] = value;
    }
  }
  encode(result);
  return result;
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
    if (conditional_ && !active(p, values)) {
      put_aside(i, x);
      continue;
    }
    if (at == values.end()) {
      throw UsageError(fmt::format("parameter '{}' has no value; give it one", p.name));
    }
    switch (p.kind) {
      case ParameterKind::real:
        x[first] = bayes::encode_real(cube_[i], number_of(p, at->second));
        break;
      case ParameterKind::integer: {
        const double number = number_of(p, at->second);
        x[first] = bayes::encode_integer(
            cube_[i], p.step == 1 ? number : (number - p.low) / static_cast<double>(p.step));
        break;
      }
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
  if (!conditional_) return snapped;
  const Values values = decode(snapped);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (!values.contains(parameters_[i].name)) put_aside(i, snapped);
  }
  return snapped;
}

std::uint64_t Space::cardinality() const {
  std::uint64_t product = 1;
  for (const Parameter& p : parameters_) {
    std::uint64_t count = 1;
    if (p.kind == ParameterKind::categorical) {
      count = p.choices.size();
    } else if (p.kind == ParameterKind::integer) {
      count = static_cast<std::uint64_t>(steps_of(p)) + 1;
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
        if (p.step != 1) text += fmt::format(" step {}", p.step);
        break;
      case ParameterKind::categorical:
        text += fmt::format("{:?} categorical", p.name);
        for (const Value& choice : p.choices) text += fmt::format(" {:?}", as_written(choice));
        break;
    }
    for (const Condition& condition : p.when) {
      text += fmt::format(" when {:?}", condition.parameter);
      for (const Value& value : condition.values) text += fmt::format(" {:?}", to_string(value));
    }
    text += p.kind != ParameterKind::categorical && p.log ? " log\n" : "\n";
  }
  return text;
}

}  // namespace paretiny::space
