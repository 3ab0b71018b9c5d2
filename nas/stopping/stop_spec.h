// The rule by which running trials are ended, and its constants.
#pragma once

#include <vector>

#include "nas/stopping/verdict.h"

namespace paretiny::stopping {

struct StopSpec {
  StopMethod method = StopMethod::off;
  /// Fractions of a trial's own epochs at which it is decided on: ascending, in (0, 1).
  std::vector<double> fractions = {0.125, 0.25, 0.5, 0.75};
  double alpha = 0.1;    ///< hypervolume: chance that a trial ends below its bounds, in (0, 1)
  double delta = 1e-3;   ///< hypervolume: share of the front's that is too little, >= 0
  double run_on = 0.05;  ///< share of all trials, drawn by (seed, number), that nothing stops
  double eta = 2;        ///< asha: one in so many goes on, > 1
};

/// Throws UsageError, naming the constant, for one that is out of range.
void check_stop_spec(const StopSpec& spec);

}  // namespace paretiny::stopping
