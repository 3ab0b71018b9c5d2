// What tells a data set from another, or from itself after it was changed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "engine/data/dataset.h"

namespace paretiny::data {

/// XXH64 with seed 0 (Collet, https://github.com/Cyan4973/xxHash): bytes as fast as memory gives
/// them. Not against somebody who means harm.
std::uint64_t hash_bytes(std::span<const std::byte> bytes);

/// A line a split, with its size, its samples' shape and type and a hash of values and labels, and
/// a line of the classes: the same for the same data on every machine. `dataset` has its values.
std::string fingerprint(const Dataset& dataset);

}  // namespace paretiny::data
