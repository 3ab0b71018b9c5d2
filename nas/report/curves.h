// What was measured of the trials on their way to the end.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "nas/study/study.h"

namespace paretiny::report {

struct CurvePoint {
  std::int64_t step = 0;  ///< epoch of a training, step of a black box; from 1
  double value = 0;       ///< of the first objective; NaN where it is unknown
};

/// By trial, as numbers to minimise: the error on the validation split after every epoch, or the
/// first objective of a black box after every step. None for a trial of which nothing was measured
/// before its end.
using Curves = std::map<std::int64_t, std::vector<CurvePoint>>;

/// The curve of a trial's epochs, else of its steps.
std::vector<CurvePoint> curve_of(const std::vector<study::EpochRecord>& epochs,
                                 const std::vector<study::StepRecord>& steps);

/// Curves with at most `most` points in all, their ends kept, for a page that stays small.
Curves thinned(const Curves& curves, std::size_t most);

}  // namespace paretiny::report
