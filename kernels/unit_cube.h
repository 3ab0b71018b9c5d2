// How parameters lie in the unit cube, in a form that kernels can read.
#pragma once

#include <cstdint>

#include "kernels/host_device.h"

namespace paretiny {

/// One parameter: a real or an integer takes one coordinate, a choice among `width` as many
/// (one-hot). Positions of reals lie on a grid of 2^32 steps; an integer owns an equal share of its
/// coordinate (of log(value) if `log`) and stands in the middle of it.
struct CubeParameter {
  enum Kind : std::int32_t { real, integer, choice };

  Kind kind = real;
  std::int32_t first = 0;  ///< first coordinate
  std::int32_t width = 1;  ///< coordinates
  bool log = false;
  double low = 0;  ///< bounds, both inclusive; of no meaning for a choice
  double high = 1;
};

/// Moves the coordinates of one parameter of the point x to the position that stands for what they
/// decode to; coordinates outside [0, 1] are clamped, the largest of a choice wins, the first of
/// equals.
PARETINY_HOST_DEVICE void snap(const CubeParameter& parameter, double* x);

}  // namespace paretiny
