#include "engine/data/notes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace paretiny::data {
namespace {

constexpr std::size_t kListed = 6;  ///< names in a note: what a line holds

/// Names of the classes that no sample has.
std::vector<std::string> missing(const std::vector<std::string>& classes, const Samples& samples) {
  std::vector<bool> seen(classes.size());
  for (const std::int32_t label : samples.labels) seen[static_cast<std::size_t>(label)] = true;
  std::vector<std::string> names;
  for (std::size_t k = 0; k < classes.size(); ++k) {
    if (!seen[k]) names.push_back("'" + classes[k] + "'");
  }
  return names;
}

}  // namespace

std::string listed(const std::vector<std::string>& names) {
  if (names.size() <= 1) return names.empty() ? "" : names.front();
  const std::size_t shown = names.size() > kListed ? kListed - 1 : names.size() - 1;
  const std::vector<std::string> first(names.begin(),
                                       names.begin() + static_cast<std::ptrdiff_t>(shown));
  const std::string rest =
      names.size() > kListed ? fmt::format("{} more", names.size() - shown) : names.back();
  return fmt::format("{} and {}", fmt::join(first, ", "), rest);
}

void note_missing_classes(Dataset& set) {
  const auto note = [&](const Samples& samples, const char* split, const char* consequence) {
    const std::vector<std::string> names = missing(set.classes, samples);
    if (samples.size() == 0 || names.empty()) return;
    const bool one = names.size() == 1;
    set.notes.push_back(fmt::format("{} {} {} no {} samples: {} {}", one ? "class" : "classes",
                                    listed(names), one ? "has" : "have", split, one ? "it" : "they",
                                    consequence));
  };
  note(set.train, "training", "cannot be learnt");
  note(set.validation, "validation", "cannot count when candidates are compared");
  note(set.test, "test", "cannot count in the test accuracy");
}

}  // namespace paretiny::data
