// Who worked on which trial, and when.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "nas/study/study.h"

namespace paretiny::report {

/// The last attempt of a trial. Times are in seconds from the first start of the study, less what
/// the breaks before it leave out.
struct Stretch {
  std::size_t lane = 0;  ///< from 0: a worker at a time
  std::int64_t trial = 0;
  double begin = 0;
  double end = 0;
};

/// A time in which nobody worked, as between two runs of a search: drawn shorter than it was.
struct Break {
  double at = 0;       ///< where it begins, in seconds as drawn
  double drawn = 0;    ///< seconds that are left of it
  double seconds = 0;  ///< how long it was
};

struct Timeline {
  std::vector<Stretch> stretches;  ///< by their begin
  std::vector<Break> breaks;       ///< by time
  std::size_t lanes = 0;           ///< most that worked at once
  double length = 0;               ///< seconds as drawn
  /// Share of the time from a worker's first start to its last end in which it worked, over all
  /// workers. NaN where one owner holds several trials at once, as who asks for a black box does.
  double busy = std::numeric_limits<double>::quiet_NaN();
};

/// Of the trials that have begun. One that still runs ends with the last thing known of the others.
Timeline timeline_of(const std::vector<study::Trial>& trials);

}  // namespace paretiny::report
