// Heeding a request to stop in the middle of a computation.
#pragma once

#include <stop_token>

#include "base/error.h"
#include "kernels/core/stream.h"

namespace paretiny {

/// Throws Interrupted when somebody asked to stop.
inline void heed(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Interrupted("interrupted");
}

/// The same, once the work given to the stream is done: the device may be steps behind.
inline void heed(const std::stop_token& stop, Stream& stream) {
  if (stop.stop_requested()) stream.synchronize();
  heed(stop);
}

}  // namespace paretiny
