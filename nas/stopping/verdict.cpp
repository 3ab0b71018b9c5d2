#include "nas/stopping/verdict.h"

#include <algorithm>
#include <array>

namespace paretiny::stopping {
namespace {

constexpr std::array<std::string_view, 3> kMethods = {"off", "hypervolume", "asha"};
constexpr std::array<std::string_view, 7> kReasons = {
    "not due", "too few", "unmeasured", "hopeful", "hopeless", "runs on", "wanted"};

template <class Named, std::size_t n>
std::optional<Named> named_stop(const std::array<std::string_view, n>& names,
                                std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Named>(found - names.begin());
}

}  // namespace

std::string_view name_of(StopMethod method) {
  return kMethods.at(static_cast<std::size_t>(method));
}

std::optional<StopMethod> stop_method(std::string_view name) {
  return named_stop<StopMethod>(kMethods, name);
}

std::string_view name_of(StopReason reason) {
  return kReasons.at(static_cast<std::size_t>(reason));
}

std::optional<StopReason> stop_reason(std::string_view name) {
  return named_stop<StopReason>(kReasons, name);
}

std::string_view to_string(StopReason reason) {
  switch (reason) {
    case StopReason::not_due:
      return "no decision is due yet";
    case StopReason::too_few:
      return "too few trials have ended to learn from";
    case StopReason::unmeasured:
      return "a number that the decision needs was not measured";
    case StopReason::hopeful:
      return "it may matter";
    case StopReason::hopeless:
      return "it cannot matter";
    case StopReason::runs_on:
      return "it cannot matter, and runs on to show how often that is wrong";
    case StopReason::wanted:
      return "it was stopped, and is run to its end because that was asked for";
  }
  return "?";
}

}  // namespace paretiny::stopping
