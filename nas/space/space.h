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

/// A parameter's value: a float, an integer, or the name of a choice.
using Value = std::variant<double, std::int64_t, std::string>;
using Values = std::map<std::string, Value>;

/// `value` as text: shortest form that reads back to the same number.
std::string to_string(const Value& value);

enum class ParameterKind { real, integer, categorical };

struct Parameter {
  std::string name;
  ParameterKind kind = ParameterKind::real;
  double low = 0;  ///< real and integer: inclusive bounds
  double high = 1;
  bool log = false;                  ///< real and integer: uniform in log(value)
  std::vector<std::string> choices;  ///< categorical

  friend bool operator==(const Parameter&, const Parameter&) = default;
};

/// Coding: a real or integer parameter takes one coordinate (an integer owns an equal share of it,
/// its position is the middle of its share; with `log` shares are equal in log(value)); a
/// categorical parameter takes one coordinate a choice (one-hot, the largest wins, the first of
/// equals).
class Space {
 public:
  Space() = default;
  /// Throws UsageError naming the parameter: bounds reversed or not finite, log with a low bound
  /// <= 0, integer bounds that are not whole, no choice, a choice or a name twice, no parameter.
  explicit Space(std::vector<Parameter> parameters);

  const std::vector<Parameter>& parameters() const { return parameters_; }
  std::size_t dimensions() const { return dimensions_; }

  /// Values of a point of the unit cube (coordinates outside it are clamped). x: [dimensions()].
  Values decode(const std::vector<double>& x) const;
  /// Unit-cube position of values. Throws UsageError for a value missing, unknown or out of range.
  std::vector<double> encode(const Values& values) const;
  /// The position that stands for everything `x` decodes to: encode(decode(x)).
  std::vector<double> snap(const std::vector<double>& x) const;
  /// What `snap` does, for kernels: parameter by parameter, the same to the bit.
  const std::vector<bayes::CubeParameter>& cube() const { return cube_; }
  /// Number of distinct candidates, or 0 if a real parameter makes it infinite or it overflows.
  std::uint64_t cardinality() const;

  /// Canonical text of the space: equal spaces, equal text. A study keeps it to refuse another's.
  std::string describe() const;

 private:
  /// Throws UsageError unless `x` has dimensions() coordinates and none is NaN.
  void check_point(const std::vector<double>& x) const;

  std::vector<Parameter> parameters_;
  std::vector<bayes::CubeParameter> cube_;  ///< [parameters]
  std::size_t dimensions_ = 0;
};

}  // namespace paretiny::space
