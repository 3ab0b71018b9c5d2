// How parameters lie in the unit cube, in a form that kernels can read. Every device and the host
// decode and snap with the functions below.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/core/host_device.h"

namespace paretiny::bayes {

/// One parameter: a real or an integer takes one coordinate, a choice among `width` as many
/// (one-hot). Positions of reals lie on a grid of 2^32 steps; an integer owns an equal share of its
/// coordinate (of log(value) if `log`) and stands in the middle of it. Made by `cube_number` and
/// `cube_choice`.
struct CubeParameter {
  enum Kind : std::int32_t { real, integer, choice };

  Kind kind = real;
  std::int32_t first = 0;  ///< first coordinate
  std::int32_t width = 1;  ///< coordinates
  bool log = false;
  double low = 0;  ///< bounds, both inclusive; of no meaning for a choice
  double high = 1;
  double from = 0;  ///< what 0 and 1 stand for: values, or their logarithms if `log`; half a unit
  double to = 1;    ///< beyond the bounds of an integer
};

/// A value on the scale of its coordinate.
PARETINY_HOST_DEVICE inline double on_scale(const CubeParameter& parameter, double value) {
  return parameter.log ? std::log(value) : value;
}

/// A real or an integer with bounds as `CubeParameter` has them.
inline CubeParameter cube_number(CubeParameter::Kind kind, std::int32_t first, double low,
                                 double high, bool log) {
  CubeParameter parameter{kind, first, 1, log, low, high};
  const double margin = kind == CubeParameter::integer ? 0.5 : 0.0;
  parameter.from = on_scale(parameter, low - margin);
  parameter.to = on_scale(parameter, high + margin);
  return parameter;
}

inline CubeParameter cube_choice(std::int32_t first, std::int32_t width) {
  CubeParameter parameter;
  parameter.kind = CubeParameter::choice;
  parameter.first = first;
  parameter.width = width;
  return parameter;
}

PARETINY_HOST_DEVICE inline double clamped(double x, double low, double high) {
  return x < low ? low : x > high ? high : x;
}

/// The nearest position of a real: on a grid, so that snapping twice is snapping once although
/// (value - from) / (to - from) is rounded.
PARETINY_HOST_DEVICE inline double on_grid(double position) {
  return std::floor(std::fma(clamped(position, 0, 1), 0x1p32, 0.5)) * 0x1p-32;
}

// Products and sums are fused by name, so that every compiler rounds alike.

PARETINY_HOST_DEVICE inline double decode_real(const CubeParameter& parameter, double x) {
  const double scaled = std::fma(on_grid(x), parameter.to - parameter.from, parameter.from);
  return clamped(parameter.log ? std::exp(scaled) : scaled, parameter.low, parameter.high);
}

PARETINY_HOST_DEVICE inline double encode_real(const CubeParameter& parameter, double value) {
  if (parameter.low == parameter.high) return 0;
  return on_grid((on_scale(parameter, value) - parameter.from) / (parameter.to - parameter.from));
}

/// A whole number.
PARETINY_HOST_DEVICE inline double decode_integer(const CubeParameter& parameter, double x) {
  const double scaled = std::fma(clamped(x, 0, 1), parameter.to - parameter.from, parameter.from);
  // floor(v + 1/2): an edge between two integers belongs to the upper one.
  const double value = std::floor((parameter.log ? std::exp(scaled) : scaled) + 0.5);
  return clamped(value, parameter.low, parameter.high);
}

PARETINY_HOST_DEVICE inline double encode_integer(const CubeParameter& parameter, double value) {
  const double middle = 0.5 * (on_scale(parameter, value - 0.5) + on_scale(parameter, value + 0.5));
  return (middle - parameter.from) / (parameter.to - parameter.from);
}

/// The choice whose coordinate is largest, the first of equals. x: the point.
PARETINY_HOST_DEVICE inline std::int32_t decode_choice(const CubeParameter& parameter,
                                                       const double* x) {
  std::int32_t largest = 0;
  for (std::int32_t k = 1; k < parameter.width; ++k) {
    if (x[parameter.first + k] > x[parameter.first + largest]) largest = k;
  }
  return largest;
}

/// Moves the coordinates of one parameter of the point x to the position that stands for what they
/// decode to; coordinates outside [0, 1] are clamped, the largest of a choice wins, the first of
/// equals.
PARETINY_HOST_DEVICE inline void snap(const CubeParameter& parameter, double* x) {
  double& position = x[parameter.first];
  switch (parameter.kind) {
    case CubeParameter::real:
      position = encode_real(parameter, decode_real(parameter, position));
      break;
    case CubeParameter::integer:
      position = encode_integer(parameter, decode_integer(parameter, position));
      break;
    case CubeParameter::choice: {
      const std::int32_t chosen = decode_choice(parameter, x);
      for (std::int32_t k = 0; k < parameter.width; ++k) {
        x[parameter.first + k] = k == chosen ? 1 : 0;
      }
      break;
    }
  }
}

}  // namespace paretiny::bayes
