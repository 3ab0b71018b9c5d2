#include "nas/study/same_study.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sstream>
#include <vector>

#include "base/error.h"
#include "base/one_line.h"
#include "nas/study/difference.h"

namespace paretiny::study {
namespace {

/// "1.2.3" as numbers that compare.
std::vector<int> version_numbers(const std::string& version) {
  std::istringstream text(version);
  std::vector<int> numbers;
  for (int number = 0; text >> number; text.ignore(1)) numbers.push_back(number);
  return numbers;
}

std::string objectives_text(const StudyHeader& header) {
  std::string text;
  for (const Objective& objective : header.objectives) {
    text += objective.name;
    if (!objective.unit.empty()) text += fmt::format(" [{}]", objective.unit);
    if (objective.maximize) text += " maximised";
    if (objective.limit) {
      text += fmt::format(" {} {}", objective.maximize ? ">=" : "<=", *objective.limit);
    }
    if (objective.reference) text += fmt::format(" reference {}", *objective.reference);
    text += "\n";
  }
  return text;
}

std::string constraints_text(const StudyHeader& header) {
  std::string text;
  for (const Constraint& constraint : header.constraints) {
    text += constraint.name;
    if (!constraint.unit.empty()) text += fmt::format(" [{}]", constraint.unit);
    if (constraint.at_least) text += fmt::format(" >= {}", *constraint.at_least);
    if (constraint.at_most) text += fmt::format(" <= {}", *constraint.at_most);
    text += "\n";
  }
  return text;
}

}  // namespace

void check_kind(const Location& location, const StudyHeader& stored, StudyKind wanted) {
  if (stored.kind == wanted) return;
  if (wanted == StudyKind::search) {
    throw StoreError(fmt::format(
        "the study '{}' is one of a black box, which 'ask' and 'tell' go on with; name another "
        "file for this search in [study] store",
        location.text()));
  }
  throw StoreError(fmt::format(
      "the study '{}' is one of a search, which 'paretiny search' goes on with; 'ask' and 'tell' "
      "are for studies that 'ask' began",
      location.text()));
}

void check_same(const Location& location, const StudyHeader& stored, const StudyHeader& wanted) {
  check_kind(location, stored, wanted.kind);
  if (version_numbers(stored.version) > version_numbers(wanted.version)) {
    throw StoreError(fmt::format(
        "the study '{}' was made by version {}, newer than this program's {}; use version {} or "
        "later",
        location.text(), one_line(stored.version), wanted.version, one_line(stored.version)));
  }
  std::vector<std::string> differences;
  const auto compare = [&](const char* what, const std::string& then, const std::string& now) {
    if (then != now) differences.push_back(difference(what, then, now));
  };
  compare("the space", stored.space, wanted.space);
  compare("an objective", objectives_text(stored), objectives_text(wanted));
  compare("a constraint", constraints_text(stored), constraints_text(wanted));
  compare("the task", stored.task, wanted.task);
  compare("the data set", stored.data, wanted.data);
  compare("the sampler", stored.sampler, wanted.sampler);
  compare("the seed", std::to_string(stored.seed), std::to_string(wanted.seed));
  if (differences.empty()) return;
  const std::string again =
      wanted.kind == StudyKind::black_box
          ? fmt::format(" (ask NEW --from '{}' takes over what it knows)", location.text())
          : "";
  throw StoreError(fmt::format(
      "the study '{}' was made for another experiment: {}; restore that, or begin another study in "
      "another file{}",
      location.text(), fmt::join(differences, "; "), again));
}

}  // namespace paretiny::study
