// The search space: named parameters and their unit-cube coding. A sampler sees points of
// [0, 1]^d only; everything else sees values by name.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "kernels/bayes/unit_cube.h"

namespace paretiny::space {

/// The largest parameter, objective or bound: differences of such numbers are numbers, too.
inline constexpr double kMostReal = 1e300;

/// A parameter's value: a float, an integer, or a choice, which may also be a name, true or false.
using Value = std::variant<double, std::int64_t, std::string, bool>;
using Values = std::map<std::string, Value>;

/// `value` as text: shortest form that reads back to the same number.
std::string to_string(const Value& value);

/// Whether two values are one choice: the same number, whatever its type and be one of them written
/// as text, or the same text.
bool same(const Value& a, const Value& b);

enum class ParameterKind { real, integer, categorical };

/// That another parameter, which is no real one, has one of these values.
struct Condition {
  std::string parameter;
  std::vector<Value> values;

  friend bool operator==(const Condition&, const Condition&) = default;
};

struct Parameter {
  std::string name;
  ParameterKind kind = ParameterKind::real;
  double low = 0;  ///< real and integer: inclusive bounds
  double high = 1;
  bool log = false;            ///< real and integer: uniform in log(value)
  std::vector<Value> choices;  ///< categorical
  std::int64_t step = 1;       ///< integer: from one value to the next, from `low` on
  /// Where a condition does not hold, the parameter has no value.
  std::vector<Condition> when{};

  friend bool operator==(const Parameter&, const Parameter&) = default;
};

/// Coding: a real or integer parameter takes one coordinate (an integer owns an equal share of it,
/// its position is the middle of its share; with `log` shares are equal in log(value)); a
/// categorical parameter takes one coordinate a choice (one-hot, the largest wins, the first of
/// equals). A parameter without a value, its conditions not met, stands in the middle of its range,
/// a categorical one at its first choice.
class Space {
 public:
  Space() = default;
  /// Throws UsageError naming the parameter: bounds reversed or not finite, log with a low bound
  /// <= 0, integer bounds that are not whole or no steps apart, no choice, a choice or a name
  /// twice, a condition on what is no other parameter, is a real one, or never has such a value,
  /// conditions in a circle, no parameter.
  explicit Space(std::vector<Parameter> parameters);

  const std::vector<Parameter>& parameters() const { return parameters_; }
  std::size_t dimensions() const { return dimensions_; }
  /// Whether a parameter has conditions.
  bool conditional() const { return conditional_; }

  /// Values of a point of the unit cube (coordinates outside it are clamped). x: [dimensions()].
  Values decode(const std::vector<double>& x) const;
  /// Unit-cube position of values. Those of parameters whose conditions are not met may be there,
  /// and count for nothing. Throws UsageError for a value missing, unknown or out of range.
  std::vector<double> encode(const Values& values) const;
  /// The values as `decode` would write them, reals as they are: a whole number for a real becomes
  /// one, and what counts for nothing goes. Throws UsageError as `encode` does.
  Values canonical(const Values& values) const;
  /// The position that stands for everything `x` decodes to: encode(decode(x)).
  std::vector<double> snap(const std::vector<double>& x) const;
  /// What `snap` does, for kernels: parameter by parameter, the same to the bit but for conditions,
  /// which kernels know nothing of.
  const std::vector<bayes::CubeParameter>& cube() const { return cube_; }
  /// Number of distinct candidates, or 0 if a real parameter makes it infinite or it overflows;
  /// with conditions, of candidates as they would be without.
  std::uint64_t cardinality() const;

  /// Canonical text of the space: equal spaces, equal text. A study keeps it to refuse another's.
  std::string describe() const;

 private:
  /// Throws UsageError unless `x` has dimensions() coordinates and none is NaN.
  void check_point(const std::vector<double>& x) const;
  void check_conditions() const;
  /// Whether the conditions of a parameter are met, and those of what they are on.
  bool active(const Parameter& parameter, const Values& values) const;
  const Parameter* find(const std::string& name) const;
  /// Where a parameter without a value stands.
  void put_aside(std::size_t index, std::vector<double>& x) const;

  std::vector<Parameter> parameters_;
  std::vector<bayes::CubeParameter> cube_;  ///< [parameters]
  std::size_t dimensions_ = 0;
  bool conditional_ = false;
};

/// The space that `describe` wrote; choices are texts, which `same` takes for the numbers they are.
/// Throws UsageError for what it did not write.
Space described_space(const std::string& description);

}  // namespace paretiny::space
