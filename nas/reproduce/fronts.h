// The fronts of a comparison as a picture.
#pragma once

#include <string>

#include "nas/reproduce/comparison.h"

namespace paretiny::reproduce {

/// Every pair of objectives in a panel: the fronts of all of a sampler's runs in its colour, and
/// where there are any the paper's networks as squares. SVG.
std::string fronts_picture(const Comparison& comparison);

}  // namespace paretiny::reproduce
