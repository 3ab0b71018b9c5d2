// Importance of channels for structured pruning. Scores are added to what is there, so that a group
// of layers that share channels sums into one array. Larger is more important.
#pragma once

#include "kernels/core/dispatch.h"
#include "kernels/core/tensor.h"

namespace paretiny::nn {

enum class FilterScore : std::uint8_t {
  l1,      ///< sum |w|
  l2,      ///< sum w^2 (the caller takes the root over the whole group)
  taylor,  ///< sum |w * g|
};

/// scores[o] += score of filter o. w: [filters, kh, kw, c] f32; g: the gradient, same shape, or
/// null where the score does not read it; scores: [1, 1, 1, filters] f32. A depthwise layer's
/// filter is its last extent: w: [1, kh, kw, filters].
void filter_score(Stream&, FilterScore, ConstView w, ConstView g, View scores);

/// scores[c] += share of channel c's elements that are greater than zero (APoZ is the share of the
/// others). x: [n, h, w, c] f32 or bf16; scores: [1, 1, 1, c] f32.
void positive_share(Stream&, ConstView x, View scores);

namespace twins {
extern Op<decltype(filter_score)> filter_score;
extern Op<decltype(positive_share)> positive_share;
}  // namespace twins

}  // namespace paretiny::nn
