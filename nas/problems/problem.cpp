#include "nas/problems/problem.h"

#include <fmt/core.h>

#include <array>
#include <charconv>

#include "base/error.h"
#include "base/nearest.h"
#include "nas/problems/families.h"

namespace paretiny::problems {
namespace {

constexpr std::size_t kMostInputs = 1000;
constexpr std::size_t kMostObjectives = 10;

/// A name and how it is made: of no size, of d inputs, or of d inputs and m objectives.
struct Entry {
  const char* name;
  Problem (*fixed)();
  Problem (*of_inputs)(std::size_t d);
  Problem (*of_both)(std::size_t d, std::size_t m);
  std::size_t inputs;  ///< by default: d, or what is added to m
};

constexpr std::array<Entry, 18> kEntries{{
    {"BraninCurrin", branin_currin, nullptr, nullptr, 0},
    {"ConstrainedBraninCurrin", constrained_branin_currin, nullptr, nullptr, 0},
    {"ZDT1", nullptr, zdt1, nullptr, 30},
    {"ZDT2", nullptr, zdt2, nullptr, 30},
    {"ZDT3", nullptr, zdt3, nullptr, 30},
    {"DTLZ1", nullptr, nullptr, dtlz1, 4},
    {"DTLZ2", nullptr, nullptr, dtlz2, 9},
    {"DTLZ3", nullptr, nullptr, dtlz3, 9},
    {"DTLZ5", nullptr, nullptr, dtlz5, 9},
    {"DTLZ7", nullptr, nullptr, dtlz7, 19},
    {"C2DTLZ2", nullptr, nullptr, c2dtlz2, 9},
    {"VehicleSafety", vehicle_safety, nullptr, nullptr, 0},
    {"CarSideImpact", car_side_impact, nullptr, nullptr, 0},
    {"Penicillin", penicillin, nullptr, nullptr, 0},
    {"OSY", osy, nullptr, nullptr, 0},
    {"WeldedBeam", welded_beam, nullptr, nullptr, 0},
    {"DiscBrake", disc_brake, nullptr, nullptr, 0},
    {"Synthetic2D", synthetic_2d, nullptr, nullptr, 0},
}};

const Entry& find(const std::string& name) {
  for (const Entry& entry : kEntries) {
    if (name == entry.name) return entry;
  }
  throw UsageError(
      fmt::format("there is no problem '{}'{}", name, suggestion(name, problem_names())));
}

/// What stands behind the colon.
struct Sizes {
  std::size_t d = 0;  ///< 0: not given
  std::size_t m = 0;
};

Sizes parse_sizes(const std::string& text, const std::string& sizes, const Entry& entry) {
  Sizes result;
  for (std::size_t begin = 0; begin <= sizes.size();) {
    const std::size_t end = std::min(sizes.find(',', begin), sizes.size());
    const std::string part = sizes.substr(begin, end - begin);
    std::size_t value = 0;
    const char* last = part.data() + part.size();
    const bool number = part.size() > 2 && part[1] == '=' &&
                        std::from_chars(part.data() + 2, last, value).ptr == last && value > 0;
    const bool d = number && part[0] == 'd' && entry.fixed == nullptr;
    const bool m = number && part[0] == 'm' && entry.of_both != nullptr;
    if (!d && !m) {
      throw UsageError(fmt::format(
          "problem '{}': '{}' is no size of {}; {}", text, part, entry.name,
          entry.of_both != nullptr     ? "write d=INPUTS and m=OBJECTIVES, such as :d=12,m=4"
          : entry.of_inputs != nullptr ? "write d=INPUTS, such as :d=6"
                                       : "it has none to choose"));
    }
    (d ? result.d : result.m) = value;
    begin = end + 1;
  }
  return result;
}

void check_size(const std::string& text, const char* what, std::size_t value, std::size_t low,
                std::size_t high) {
  if (value >= low && value <= high) return;
  throw UsageError(
      fmt::format("problem '{}' has {} {}; it takes {} to {}", text, value, what, low, high));
}

}  // namespace

Problem make_problem(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  const Entry& entry = find(name);
  Sizes sizes;
  if (colon != std::string::npos) sizes = parse_sizes(text, text.substr(colon + 1), entry);
  if (entry.fixed != nullptr) return entry.fixed();
  if (entry.of_inputs != nullptr) {
    const std::size_t d = sizes.d > 0 ? sizes.d : entry.inputs;
    check_size(text, "inputs", d, 2, kMostInputs);
    Problem problem = entry.of_inputs(d);
    problem.name += fmt::format(":d={}", d);
    return problem;
  }
  const std::size_t m = sizes.m > 0 ? sizes.m : 2;
  check_size(text, "objectives", m, 2, kMostObjectives);
  const std::size_t d = sizes.d > 0 ? sizes.d : m + entry.inputs;
  check_size(text, "inputs", d, m, kMostInputs);
  Problem problem = entry.of_both(d, m);
  problem.name += fmt::format(":d={},m={}", d, m);
  return problem;
}

std::vector<std::string> problem_names() {
  std::vector<std::string> names;
  for (const Entry& entry : kEntries) names.emplace_back(entry.name);
  return names;
}

space::Space problem_space(const Problem& problem) {
  std::vector<space::Parameter> parameters;
  for (std::size_t i = 0; i < problem.inputs(); ++i) {
    parameters.push_back({fmt::format("x{}", i + 1),
                          space::ParameterKind::real,
                          problem.lower[i],
                          problem.upper[i],
                          false,
                          {}});
  }
  return space::Space(std::move(parameters));
}

std::vector<double> in_units(const Problem& problem, const std::vector<double>& u) {
  std::vector<double> x(u.size());
  for (std::size_t i = 0; i < u.size(); ++i) {
    x[i] = problem.lower[i] + u[i] * (problem.upper[i] - problem.lower[i]);
  }
  return x;
}

Response evaluate_unit(const Problem& problem, const std::vector<double>& u) {
  return problem.evaluate(in_units(problem, u));
}

}  // namespace paretiny::problems
