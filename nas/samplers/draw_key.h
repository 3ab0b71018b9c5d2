// A key for counter-based numbers, drawn from a sequence.
#pragma once

#include <cstdint>

#include "kernels/random.h"

namespace paretiny {

/// The next 64 bits of `random`, the first 32 on top.
inline std::uint64_t draw_key(Random& random) {
  const std::uint64_t high = random();
  return (high << 32) | random();
}

}  // namespace paretiny
