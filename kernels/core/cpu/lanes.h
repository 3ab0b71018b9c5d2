// Walking a [rows, channels] matrix in long inner loops: several rows side by side make `lanes`,
// a multiple of the channels, so that 3 or 37 channels run as fast as 64. A value a channel is
// repeated over the lanes; sums over rows are kept a lane and folded at the end.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>

#include "kernels/core/cpu/elements.h"
#include "kernels/core/host_device.h"

namespace paretiny::cpu {

/// Lanes for a number of channels: whole vectors and some hundred elements, where that is possible
/// without tables that crowd the first-level cache.
inline std::int64_t lanes_of(std::int64_t channels) {
  constexpr std::int64_t vector = kLanes;
  constexpr std::int64_t enough = 256;  // sixteen vectors: the ends of a run cost little then
  constexpr std::int64_t most = 2048;   // 8 KiB: three tables fit a cache of 32 KiB
  const std::int64_t whole = channels * (vector / std::gcd(channels, vector));
  if (whole > most) return channels;
  return round_up(enough, whole);
}

/// Splits rows into chunks for the threads. Their number depends on the matrix alone, so sums of
/// chunks taken in order are the same for any number of threads.
struct RowChunks {
  std::int64_t rows;
  std::int64_t count;

  RowChunks(std::int64_t row_count, std::int64_t channels)
      : rows(row_count),
        count(std::min(rows, std::clamp<std::int64_t>(rows * channels >> 13, 1, 64))) {}
  std::int64_t begin(std::int64_t chunk) const { return rows * chunk / count; }
};

/// table[j] = channel_value(j mod channels).
template <class F>
void repeat(std::int64_t channels, std::int64_t lanes, float* table, F channel_value) {
  for (std::int64_t c = 0; c < channels; ++c) table[c] = channel_value(c);
  for (std::int64_t j = channels; j < lanes; ++j) table[j] = table[j - channels];
}

/// f(i, j, width) for the vectors i .. i+width-1 of begin .. end-1, whose first lane is
/// j = (i - begin) mod lanes; width as in `by_vectors`.
template <class F>
void for_lanes(std::int64_t begin, std::int64_t end, std::int64_t lanes, F f) {
  for (std::int64_t i = begin; i < end; i += lanes) {
    by_vectors(std::min(lanes, end - i), [&](std::int64_t j, auto width) { f(i + j, j, width); });
  }
}

/// One vector of each of some sums.
template <std::size_t kSums>
using Addends = std::array<F32x16, kSums>;

/// sums[s * lanes + j] = sum over the i in begin .. end-1 of lane j of what f(i, j, width,
/// Addends&) writes as addend s. Four rows of lanes are added before the sums are touched, which
/// spares most of their loads and stores.
template <std::size_t kSums, class F>
void sum_lanes(std::int64_t begin, std::int64_t end, std::int64_t lanes, float* sums, F f) {
  std::fill_n(sums, static_cast<std::int64_t>(kSums) * lanes, 0.0f);
  const auto add = [&](std::int64_t i, std::int64_t count, auto rows) {
    by_vectors(count, [&](std::int64_t j, auto width) {
      Addends<kSums> total;
      f(i + j, j, width, total);
      for (std::int64_t row = 1; row < rows; ++row) {
        Addends<kSums> next;
        f(i + row * lanes + j, j, width, next);
        for (std::size_t s = 0; s < kSums; ++s) total[s] += next[s];
      }
      for (std::size_t s = 0; s < kSums; ++s) {
        float* sum = sums + static_cast<std::int64_t>(s) * lanes + j;
        F32x16 before;
        load(before, sum, width);
        store(sum, before + total[s], width);
      }
    });
  };
  constexpr std::integral_constant<std::int64_t, 4> four;
  constexpr std::integral_constant<std::int64_t, 1> one;
  std::int64_t i = begin;
  for (; i + four * lanes <= end; i += four * lanes) add(i, lanes, four);
  for (; i < end; i += lanes) add(i, std::min(lanes, end - i), one);
}

/// Adds up the lanes of a channel: sums[c] becomes the sum of sums[j] over j = c modulo channels.
inline void fold(std::int64_t channels, std::int64_t lanes, float* sums) {
  for (std::int64_t j = channels; j < lanes; j += channels) {
    for (std::int64_t c = 0; c < channels; ++c) sums[c] += sums[j + c];
  }
}

}  // namespace paretiny::cpu
