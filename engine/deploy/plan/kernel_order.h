// In which order the kernels of the runtime read their input and write their output: from it
// follows how far an output may lie over the input that it is made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/core/tensor.h"
#include "kernels/nn/window.h"

namespace paretiny::deploy {

// Shapes are of one sample. The first two ask the functions that the runtime steps with
// (paretiny_order.h).

/// Whether a convolution copies its windows before it uses them.
bool conv_gathers(const Shape& input, const nn::Window& window);

/// Pixels of a row that a convolution computes together from column `x` of the output on: 1 or 2.
std::int64_t conv_pixels(const Shape& input, const Shape& output, const nn::Window& window,
                         std::int64_t x);

/// Bytes from `begin` to before `end` of a tensor.
struct Extent {
  std::int64_t begin = 0, end = 0;

  bool empty() const { return begin >= end; }
};

/// A stage of a kernel's work. One follows the other; reads and writes of the same stage may come
/// in any order.
struct Stage {
  Extent reads;   ///< of the input; empty where a window lies in padding alone
  Extent writes;  ///< of the output
};

/// One stage a pixel, or two pixels where a convolution computes them together, row by row.
std::vector<Stage> conv_stages(const Shape& input, const Shape& output, const nn::Window& window);

/// One stage a pixel, as depthwise convolutions and pools go.
std::vector<Stage> pixel_stages(const Shape& input, const Shape& output, const nn::Window& window);

/// The least distance of the output below the input at which no stage writes over what it, or a
/// later one, reads.
std::size_t least_lead(const std::vector<Stage>& stages);

}  // namespace paretiny::deploy
