// What the runs of a comparison have found so far.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "nas/compare/results.h"
#include "nas/reproduce/folder.h"
#include "nas/study/study.h"

namespace paretiny::reproduce {

/// One run, as far as it came.
struct RunFindings {
  ComparisonRun run;
  bool complete = false;            ///< has all trials that a run shall have
  std::vector<double> hypervolume;  ///< [trials]: of all trials up to that one, in shares of limits
  std::vector<study::Trial> front;
  std::array<std::size_t, study::kTrialStates> count{};  ///< of trials, by TrialState
  double training = 0;  ///< seconds that its trials trained, shared ones wherever that was
};

struct Comparison {
  Recipe recipe;
  std::vector<study::Objective> objectives;
  std::vector<RunFindings> runs;  ///< those with a trial, by seed, then by sampler
  std::size_t trained = 0;        ///< trials that were trained or found trained
  std::size_t trainings = 0;      ///< of different candidates among them
  std::set<std::string> commits;  ///< of the programs that began the runs
  std::set<std::string> devices;  ///< that they began on
};

/// Reads the studies as they are, also while they are run.
Comparison read_comparison(const ComparisonFolder& folder);

/// The complete runs, to be compared by their last trials. `problem` names the task and must stay.
compare::Results complete_results(const Comparison& comparison, const problems::Problem& problem);

/// What can be drawn of every sampler: its complete runs or, where it has none, the longest one.
compare::Results drawn_results(const Comparison& comparison, const problems::Problem& problem);

/// What Results are told of a comparison: its name alone.
problems::Problem named_problem(const Comparison& comparison);

}  // namespace paretiny::reproduce
