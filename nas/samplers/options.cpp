#include "nas/samplers/options.h"

#include <fmt/core.h>

#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/nearest.h"

namespace paretiny::samplers {
namespace {

/// Of directions, points, regions: none gains by more, and memory follows their number.
constexpr double kMostCount = 4096;

}  // namespace

const double* OptionReader::take(const std::string& name) {
  known_.insert(name);
  const auto at = given_.find(name);
  return at == given_.end() ? nullptr : &at->second;
}

void OptionReader::count(const std::string& name, std::size_t& target) {
  const double* value = take(name);
  if (value == nullptr) return;
  if (!(*value >= 1 && *value <= kMostCount) || *value != std::floor(*value)) {
    throw UsageError(
        fmt::format("option '{}' of sampler '{}' is {}; it must be a whole number from 1 to {}",
                    name, sampler_, *value, kMostCount));
  }
  target = static_cast<std::size_t>(*value);
}

void OptionReader::size(const std::string& name, double most, double& target) {
  const double* value = take(name);
  if (value == nullptr) return;
  if (!(*value > 0 && *value <= most)) {
    throw UsageError(
        fmt::format("option '{}' of sampler '{}' is {}; it must be above 0 and at "
                    "most {}",
                    name, sampler_, *value, most));
  }
  target = *value;
}

void OptionReader::flag(const std::string& name, bool& target) {
  const double* value = take(name);
  if (value == nullptr) return;
  if (*value != 0 && *value != 1) {
    throw UsageError(fmt::format("option '{}' of sampler '{}' is {}; it must be 0 or 1", name,
                                 sampler_, *value));
  }
  target = *value == 1;
}

void OptionReader::finish() const {
  for (const auto& [name, value] : given_) {
    if (known_.contains(name)) continue;
    if (known_.empty()) {
      throw UsageError(
          fmt::format("sampler '{}' has no option '{}'; it takes none", sampler_, name));
    }
    throw UsageError(
        fmt::format("sampler '{}' has no option '{}'{}", sampler_, name,
                    suggestion(name, std::vector<std::string>(known_.begin(), known_.end()))));
  }
}

}  // namespace paretiny::samplers
