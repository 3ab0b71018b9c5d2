// Batch selection, normalisation and augmentation in one pass over the resident data set.
#pragma once

#include "kernels/dispatch.h"
#include "kernels/tensor.h"

namespace paretiny {

/// All off by default. Random choices are keyed by (seed, sample, epoch): the same on every device.
struct AugmentSpec {
  std::int64_t crop = 0;   ///< shift by -crop..crop in h (if h > 1) and w; what comes in is 0 after
                           ///< normalisation
  bool flip = false;       ///< mirror w with probability 1/2
  std::int64_t shift = 0;  ///< rotate along w by -shift..shift (time series)
  float noise = 0;         ///< standard deviation of additive normal noise, normalised units
  std::uint64_t seed = 0;
};

/// For i < n, with j = order[first + i]: x[i] = augment(samples[j] * scale[c] + shift[c]),
/// labels_out[i] = labels[j].
/// samples: [N, h, w, c] u8 or f32; labels: [1, 1, 1, N] i32; order: [1, 1, 1, M] i32;
/// cursor: [1, 1, 1, 2] i32 = first, epoch; scale, shift: [1, 1, 1, c] f32;
/// x: [n, h, w, c] f32 or bf16; labels_out: [1, 1, 1, n] i32. first + n <= M is the caller's duty.
void gather_batch(Stream&, const AugmentSpec&, ConstView samples, ConstView labels, ConstView order,
                  ConstView cursor, ConstView scale, ConstView shift, View x, View labels_out);

namespace twins {
extern Op<decltype(gather_batch)> gather_batch;
}  // namespace twins

}  // namespace paretiny
