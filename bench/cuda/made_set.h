// A set of any size from a formula, the same here and in bench/peers/made_set.py.
#pragma once

#include "engine/data/dataset.h"

namespace paretiny::bench {

/// Class k = i % classes of sample i. Element e = (row * w + column) * c + channel of it is
/// v = (T + 7 * N) / 8, rounded down, with bytes
///   T = mix(1 + ((k * rows + row / 8) * columns + column / block) * c + channel) mod 256, the
///       class's pattern: constant over blocks of 8 rows (h > 1) and `block` columns, rows and
///       columns of which there are so many;
///   N = mix(mix(id + 65536) + e) mod 256, noise: id = i, in the test part i + 2^20.
/// 32-bit mix(v): v ^= v >> 16; v *= 0x7FEB352D; v ^= v >> 15; v *= 0x846CA68B; v ^= v >> 16.
/// Images (h > 1) are stored as bytes v, block 8; series as floats (v - 128) / 64, block 32.
/// The network reads (v - 128) / 64 of both.
data::Dataset made_set(const Shape& sample, std::int64_t classes, std::int64_t train,
                       std::int64_t test);

/// Sum of the bytes v of the training part, modulo 2^32: whether two programs made the same set.
std::uint32_t checksum(const data::Dataset& made);

}  // namespace paretiny::bench
