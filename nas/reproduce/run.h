// Runs a comparison: every sampler with every seed, each a study of its own.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

#include "kernels/core/device.h"
#include "nas/reproduce/folder.h"
#include "nas/search/search.h"

namespace paretiny::reproduce {

/// Every sampler with the first seed, then with the next: whatever is left out at the end, there is
/// something of every sampler.
std::vector<ComparisonRun> runs_of(const std::vector<std::string>& samplers,
                                   std::uint64_t first_seed, std::uint64_t last_seed);

struct ComparisonSetup {
  /// Runs are spread over them, each run on one.
  std::vector<Device> devices{Device{}};
  std::filesystem::path data{};  ///< folder of the data set's files
  /// Runs at a time, on all devices together, each with one candidate at a time: what a run finds
  /// does not depend on it.
  int jobs = 1;
};

/// Told what happens, by one thread at a time.
class ComparisonObserver {
 public:
  virtual ~ComparisonObserver() = default;
  virtual void data_loaded(const data::Dataset& /*dataset*/) {}
  /// Who watches the search of a run; may be null.
  virtual std::unique_ptr<search::SearchObserver> run_started(const ComparisonRun& /*run*/,
                                                              study::Study& /*study*/) {
    return nullptr;
  }
  /// Also for a run that had all its trials before.
  virtual void run_ended(const ComparisonRun& /*run*/, study::Study& /*study*/) {}
};

/// Runs what is left of `runs` in order, `setup.jobs` at a time; false on a stop request before the
/// end. What is there already is gone on with, so a comparison that was killed ends as one that was
/// not. Throws what the first failing run threw, the others given back.
[[nodiscard]] bool run_comparison(const ComparisonFolder& folder,
                                  const std::vector<ComparisonRun>& runs,
                                  const ComparisonSetup& setup, ComparisonObserver& observer,
                                  std::stop_token stop);

}  // namespace paretiny::reproduce
