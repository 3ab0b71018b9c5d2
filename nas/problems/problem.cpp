#include "nas/problems/problem.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/error.h"
#include "base/nearest.h"
#include "kernels/core/random.h"
#include "nas/problems/families.h"

namespace paretiny::problems {
namespace {

/// Published problems stay below; a larger size is a slip of the keyboard.
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

constexpr std::array<Entry, 33> kEntries{{
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
    {"FourBarTruss", four_bar_truss, nullptr, nullptr, 0},
    {"ConcreteBeam", concrete_beam, nullptr, nullptr, 0},
    {"PressureVessel", pressure_vessel, nullptr, nullptr, 0},
    {"HatchCover", hatch_cover, nullptr, nullptr, 0},
    {"CoilSpring", coil_spring, nullptr, nullptr, 0},
    {"TwoBarTruss", two_bar_truss, nullptr, nullptr, 0},
    {"SpeedReducer", speed_reducer, nullptr, nullptr, 0},
    {"GearTrain", gear_train, nullptr, nullptr, 0},
    {"RocketInjector", rocket_injector, nullptr, nullptr, 0},
    {"MarineDesign", marine_design, nullptr, nullptr, 0},
    {"ConstrainedCarSideImpact", constrained_car_side_impact, nullptr, nullptr, 0},
    {"OilSorbent", oil_sorbent, nullptr, nullptr, 0},
    {"WeldedBeamMaterials", welded_beam_materials, nullptr, nullptr, 0},
    {"NoisyBraninCurrin", noisy_branin_currin, nullptr, nullptr, 0},
    {"NoisyVehicleSafety", noisy_vehicle_safety, nullptr, nullptr, 0},
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

std::vector<std::string> problem_collection() {
  return {"BraninCurrin",
          "ConstrainedBraninCurrin",
          "NoisyBraninCurrin",
          "ZDT1:d=30",
          "ZDT3:d=8",
          "DTLZ2:d=12,m=4",
          "DTLZ5:d=30,m=3",
          "DTLZ7:d=8,m=3",
          "C2DTLZ2:d=6,m=3",
          "VehicleSafety",
          "NoisyVehicleSafety",
          "CarSideImpact",
          "Penicillin",
          "OSY",
          "WeldedBeam",
          "DiscBrake",
          "FourBarTruss",
          "ConcreteBeam",
          "PressureVessel",
          "HatchCover",
          "CoilSpring",
          "TwoBarTruss",
          "SpeedReducer",
          "GearTrain",
          "RocketInjector",
          "MarineDesign",
          "ConstrainedCarSideImpact",
          "OilSorbent",
          "WeldedBeamMaterials"};
}

space::Parameter real_input(std::size_t number, double low, double high) {
  return {fmt::format("x{}", number), space::ParameterKind::real, low, high, false, {}};
}

space::Parameter whole_input(std::size_t number, double low, double high) {
  return {fmt::format("x{}", number), space::ParameterKind::integer, low, high, false, {}};
}

space::Parameter choice_input(std::size_t number, const std::vector<std::string>& choices) {
  return {fmt::format("x{}", number),      space::ParameterKind::categorical, 0, 1, false,
          {choices.begin(), choices.end()}};
}

space::Space problem_space(const Problem& problem) {
  if (!problem.parameters.empty()) return space::Space(problem.parameters);
  std::vector<space::Parameter> parameters;
  for (std::size_t i = 0; i < problem.inputs(); ++i) {
    parameters.push_back(real_input(i + 1, problem.lower[i], problem.upper[i]));
  }
  return space::Space(std::move(parameters));
}

std::vector<double> in_units(const Problem& problem, const std::vector<double>& u) {
  if (!problem.parameters.empty()) return in_units(problem, problem_space(problem).decode(u));
  std::vector<double> x(u.size());
  for (std::size_t i = 0; i < u.size(); ++i) {
    x[i] = problem.lower[i] + u[i] * (problem.upper[i] - problem.lower[i]);
  }
  return x;
}

std::vector<double> in_units(const Problem& problem, const space::Values& values) {
  std::vector<double> x;
  for (std::size_t i = 0; i < problem.inputs(); ++i) {
    const space::Value& value = values.at(fmt::format("x{}", i + 1));
    if (const auto* real = std::get_if<double>(&value)) {
      x.push_back(*real);
    } else if (const auto* whole = std::get_if<std::int64_t>(&value)) {
      x.push_back(static_cast<double>(*whole));
    } else {
      const std::vector<space::Value>& choices = problem.parameters.at(i).choices;
      const auto place = std::ranges::find(choices, value);
      x.push_back(static_cast<double>(place - choices.begin()));
    }
  }
  return x;
}

std::vector<double> measured(const Problem& problem, const std::vector<double>& objectives,
                             std::uint64_t seed, std::uint64_t trial) {
  std::vector<double> values = objectives;
  if (problem.noise.empty()) return values;
  Random random(seed, "measurement noise", trial);
  for (std::size_t k = 0; k < values.size(); ++k) values[k] += problem.noise[k] * random.normal();
  return values;
}

Response evaluate_unit(const Problem& problem, const std::vector<double>& u) {
  return problem.evaluate(in_units(problem, u));
}

}  // namespace paretiny::problems
