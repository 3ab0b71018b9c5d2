// Cutting recordings into windows.
#pragma once

#include <cstdint>
#include <span>

#include "engine/data/dataset.h"

namespace paretiny::data {

struct WindowCut {
  std::int64_t window;  ///< samples of one window
  std::int64_t step;    ///< from one window's first sample to the next one's
};

/// No samples yet, of shape [1][window][channels], f32.
Samples empty_windows(const WindowCut& cut, std::int64_t channels);

/// Cuts `rows`, [time][channels] of one class, from its first sample on into whole windows and
/// appends them to `samples`; what is left at the end is dropped. Returns how many.
std::int64_t append_windows(std::span<const float> rows, std::int32_t label, const WindowCut& cut,
                            Samples& samples);

}  // namespace paretiny::data
