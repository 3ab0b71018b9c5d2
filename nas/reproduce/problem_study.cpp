#include "nas/reproduce/problem_study.h"

#include <fmt/core.h>

#include <optional>

#include "base/error.h"

namespace paretiny::reproduce {
namespace {

/// Longer than any of them takes, shorter than anybody waits.
constexpr std::chrono::minutes kProblemLease{5};

}  // namespace

ProblemStudy::ProblemStudy(const std::string& problem, const std::string& sampler,
                           std::uint64_t seed, Device device)
    : problem_(problems::make_problem(problem)), device_(device) {
  spec_.kind = study::StudyKind::black_box;
  spec_.name = fmt::format("{} {} seed {}", problem, sampler, seed);
  spec_.space = problems::problem_space(problem_);
  for (std::size_t k = 0; k < problem_.objectives(); ++k) {
    spec_.objectives.push_back(
        {fmt::format("f{}", k + 1), "", std::nullopt, "", problem_.reference[k]});
  }
  spec_.sampler = sampler;
  spec_.seed = seed;
  spec_.initial = 2 * (problem_.inputs() + 1);
  spec_.task = problem_.name;
  spec_.text = fmt::format("# the test problem {}\n", problem_.name);
}

bool ProblemStudy::run(study::Study& study, const std::filesystem::path& store, std::int64_t trials,
                       std::stop_token stop) const {
  const study::Lease lease{study::process_owner(), kProblemLease};
  search::Session session(study, store, spec_, device_, {}, stop);
  while (!stop.stop_requested()) {
    if (const std::optional<study::Trial> left = study.claim(lease)) {
      evaluate(study, *left, lease.owner);
      continue;
    }
    const std::vector<study::Trial>& known = study.trials();
    if (static_cast<std::int64_t>(known.size()) >= trials) return true;
    try {
      const std::optional<study::Trial> added =
          session.add(static_cast<std::int64_t>(known.size()), session.ask(known), lease);
      if (added) evaluate(study, *added, lease.owner);
    } catch (const Interrupted&) {
      break;
    }
  }
  return false;
}

void ProblemStudy::evaluate(study::Study& study, const study::Trial& trial,
                            const std::string& owner) const {
  problems::Response response = problem_.evaluate(problems::in_units(problem_, trial.values));
  response.objectives = problems::measured(problem_, response.objectives, spec_.seed,
                                           static_cast<std::uint64_t>(trial.number));
  const search::Verdict end = search::verdict(study.header(), response.objectives, {});
  if (!study.conclude(trial.number, owner, end.end, {response.objectives, {}, end.reason})) {
    throw StoreError(fmt::format("trial {} of '{}' was taken by another process", trial.number,
                                 study.header().name));
  }
}

}  // namespace paretiny::reproduce
