// Published test problems of several objectives: what samplers are compared on. Formulas and
// reference points follow BoTorch's test functions, which most published comparisons use; where
// those differ from the original papers, the problem's own comment says so.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "nas/space/space.h"

namespace paretiny::problems {

/// What a problem gives at a point.
struct Response {
  std::vector<double> objectives;
  std::vector<double> constraints{};  ///< met where <= 0
};

struct Problem {
  std::string name;  ///< as make_problem takes it: "BraninCurrin", "DTLZ2:d=12,m=4"
  std::vector<double> lower;
  std::vector<double> upper;
  std::vector<double> reference;  ///< of the hypervolume: [objectives]
  std::size_t constraints = 0;
  /// x: [inputs()], in the problem's own units.
  std::function<Response(const std::vector<double>& x)> evaluate{};
  /// Hypervolume of the whole front, where it is known exactly or somebody came close enough.
  std::optional<double> max_hypervolume{};
  std::string max_source{};  ///< where max_hypervolume comes from
  /// Where not all inputs are real: [inputs()], within the bounds. Whole inputs are whole numbers
  /// of x, choices are their places in the parameter's list.
  std::vector<space::Parameter> parameters{};
  /// Standard deviations of what is measured about the objectives: [objectives()], or empty for
  /// none. `evaluate` has no noise, nor have hypervolumes.
  std::vector<double> noise{};

  std::size_t inputs() const { return lower.size(); }
  std::size_t objectives() const { return reference.size(); }
};

/// Makes a problem by name. ZDT, DTLZ and C2DTLZ2 take their number of inputs, DTLZ and C2DTLZ2
/// their number of objectives too: "ZDT1:d=6", "DTLZ2:d=12,m=4". Without them m is 2, a ZDT has 30
/// inputs and a DTLZ as many as its paper gives it (m + 4 for DTLZ1, m + 19 for DTLZ7, else m + 9).
/// Throws UsageError for an unknown name, naming the nearest, and for a size it cannot have.
Problem make_problem(const std::string& text);

/// The names make_problem knows, without sizes.
std::vector<std::string> problem_names();

/// The names of published problems of many families, with sizes, that samplers are compared over.
std::vector<std::string> problem_collection();

/// Parameters x1, x2, ... between the problem's bounds.
space::Space problem_space(const Problem& problem);

/// Inputs of the problem, [inputs()], for a point of its space: [space.dimensions()].
std::vector<double> in_units(const Problem& problem, const std::vector<double>& u);

/// The same for values of its space.
std::vector<double> in_units(const Problem& problem, const space::Values& values);

/// What the problem gives there.
Response evaluate_unit(const Problem& problem, const std::vector<double>& u);

/// Objectives as a trial measures them: with noise, a function of (seed, trial).
std::vector<double> measured(const Problem& problem, const std::vector<double>& objectives,
                             std::uint64_t seed, std::uint64_t trial);

}  // namespace paretiny::problems
