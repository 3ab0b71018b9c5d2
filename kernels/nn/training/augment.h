// Batch selection, normalisation and augmentation in one pass over the resident data set.
#pragma once

#include "kernels/core/dispatch.h"
#include "kernels/core/random.h"
#include "kernels/core/tensor.h"

namespace paretiny::nn {

/// All off by default. Applied in this order: rotate, crop, flip, noise.
struct AugmentSpec {
  std::int64_t crop = 0;   ///< shift by -crop..crop in h (if h > 1) and w; what comes in is 0 after
                           ///< normalisation
  bool flip = false;       ///< mirror w with probability 1/2
  std::int64_t shift = 0;  ///< rotate along w by -shift..shift (time series)
  float noise = 0;         ///< standard deviation of additive normal noise, normalised units
  std::uint64_t seed = 0;
};

/// The random choices of one sample, from `philox(key, j, counter)` with
/// key = random_key(seed, "augment"), j the sample's row in `samples` and
/// counter = epoch << 32 | block. Block 0 gives the geometry; block 1 + e / 4 the noise of the
/// output elements e .. e + 3 (e counts h, w, c row by row and is a multiple of 4).
struct AugmentDraw {
  std::int64_t down = 0;   ///< -crop..crop, from word 0; 0 where h = 1
  std::int64_t right = 0;  ///< -crop..crop, from word 1
  bool mirror = false;     ///< word 2's highest bit
  std::int64_t turn = 0;   ///< -shift..shift, from word 3
};

/// A word w becomes an integer -reach..reach as (w * (2 * reach + 1) >> 32) - reach.
PARETINY_HOST_DEVICE inline std::int64_t symmetric(std::uint32_t word, std::int64_t reach) {
  return static_cast<std::int64_t>(
             (std::uint64_t{word} * static_cast<std::uint64_t>(2 * reach + 1)) >> 32) -
         reach;
}

PARETINY_HOST_DEVICE inline AugmentDraw augment_draw(const AugmentSpec& spec, std::uint64_t key,
                                                     std::uint64_t sample, std::uint32_t epoch,
                                                     std::int64_t h) {
  const PhiloxBlock r = philox(key, sample, std::uint64_t{epoch} << 32);
  return {h > 1 ? symmetric(r.word[0], spec.crop) : 0, symmetric(r.word[1], spec.crop),
          spec.flip && (r.word[2] >> 31) != 0, symmetric(r.word[3], spec.shift)};
}

/// Standard normal numbers from the words of a block, by Box-Muller on the pairs (0, 1), (2, 3).
struct NormalBlock {
  float value[4];
};
PARETINY_HOST_DEVICE inline NormalBlock normal_block(const PhiloxBlock& r) {
  NormalBlock z;
  for (int pair = 0; pair < 4; pair += 2) {
    const float radius = std::sqrt(-2 * std::log(1 - unit_float(r.word[pair])));
    const float angle = 6.28318530718f * unit_float(r.word[pair + 1]);
    z.value[pair] = radius * std::cos(angle);
    z.value[pair + 1] = radius * std::sin(angle);
  }
  return z;
}

struct BatchGather {
  ConstView samples{};         ///< [N, h, w, c] u8 or f32
  ConstView labels{};          ///< [1, 1, 1, N] i32
  ConstView order{};           ///< [1, 1, 1, M] i32
  ConstView cursor{};          ///< [1, 1, 1, 2] i32 = first, epoch
  ConstView scale{}, shift{};  ///< [1, 1, 1, c] f32
  View x{};                    ///< [n, h, w, c] f32 or bf16
  View labels_out{};           ///< [1, 1, 1, n] i32
};

/// For i < n, with j = order[first + i]: x[i] = augment(samples[j] * scale[c] + shift[c]),
/// labels_out[i] = labels[j]. With the sample's draw and u = mirror ? w - 1 - column : column,
/// x[i, row, column] is the normalised element (row + down, (u + right + turn) mod w), or 0 where
/// row + down or u + right lies outside the sample; noise * normal is added to either.
/// first + n <= M is the caller's duty.
void gather_batch(Stream&, const AugmentSpec&, const BatchGather&);

namespace twins {
extern Op<decltype(gather_batch)> gather_batch;
}  // namespace twins

}  // namespace paretiny::nn
