#include "nas/samplers/ars_sampler.h"

#include <fmt/format.h>

#include <cmath>

#include "engine/nearest.h"
#include "kernels/error.h"
#include "nas/samplers/designs.h"
#include "nas/samplers/k_means.h"

namespace paretiny {
namespace {

constexpr double kMostCount = 4096;

void set_count(const std::string& name, double value, std::size_t& target) {
  if (!(value >= 1 && value <= kMostCount) || value != std::floor(value)) {
    throw UsageError(
        fmt::format("option '{}' of sampler 'ars' is {}; it must be a whole number "
                    "from 1 to {}",
                    name, value, kMostCount));
  }
  target = static_cast<std::size_t>(value);
}

void set_size(const std::string& name, double value, double most, double& target) {
  if (!(value > 0 && value <= most)) {
    throw UsageError(
        fmt::format("option '{}' of sampler 'ars' is {}; it must be above 0 and at "
                    "most {}",
                    name, value, most));
  }
  target = value;
}

ArsOptions parse(const std::map<std::string, double>& given) {
  ArsOptions o;
  const std::map<std::string, std::size_t*> counts{
      {"policies", &o.policies}, {"directions", &o.directions}, {"kept", &o.kept},
      {"steps", &o.steps},       {"horizon", &o.horizon},       {"hidden", &o.hidden},
      {"samples", &o.samples}};
  const std::map<std::string, std::pair<double*, double>> sizes{
      {"noise", {&o.noise, 10}}, {"step_size", {&o.step_size, 10}}, {"reach", {&o.reach, 1}}};
  for (const auto& [name, value] : given) {
    if (const auto count = counts.find(name); count != counts.end()) {
      set_count(name, value, *count->second);
    } else if (const auto size = sizes.find(name); size != sizes.end()) {
      set_size(name, value, size->second.second, *size->second.first);
    } else {
      std::vector<std::string> names;
      for (const auto& [known, target] : counts) names.push_back(known);
      for (const auto& [known, target] : sizes) names.push_back(known);
      throw UsageError(
          fmt::format("sampler 'ars' has no option '{}'{}", name, suggestion(name, names)));
    }
  }
  if (o.kept > o.directions) {
    throw UsageError(
        fmt::format("option 'kept' of sampler 'ars' is {}; it must be at most "
                    "'directions', {}",
                    o.kept, o.directions));
  }
  return o;
}

}  // namespace

ArsSampler::ArsSampler(SamplerProblem problem, const std::map<std::string, double>& options)
    : problem_(std::move(problem)), options_(parse(options)) {}

std::vector<double> ArsSampler::ask(const std::vector<Observation>& history, std::uint64_t trial) {
  const Unseen unseen(problem_, history);
  if (trial < problem_.initial) return latin_hypercube_point(problem_, unseen, trial);
  const Acquisition acquisition(problem_, history, trial, options_.samples);
  if (!acquisition.informed()) return latin_hypercube_point(problem_, unseen, trial);
  Random random(problem_.seed, "ars clusters", trial);
  const Eigen::MatrixXd starts =
      k_means(acquisition.anchors(), static_cast<Eigen::Index>(options_.policies), random);
  for (std::vector<double>& x : augmented_random_search(acquisition, problem_.space, starts,
                                                        options_, problem_.seed, trial)) {
    if (unseen.accepts(x)) return std::move(x);
  }
  return unseen.draw("ars stand-in", trial);
}

}  // namespace paretiny
