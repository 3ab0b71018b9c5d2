// Hypervolume improvement of many points at once, under normal beliefs or exactly, over the boxes
// that a front leaves undominated. Objectives are minimised. Double precision.
#pragma once

#include "kernels/bayes/beliefs.h"
#include "kernels/core/dispatch.h"

namespace paretiny::bayes {

/// Disjoint boxes that cover the part of the space below the reference point that no point of the
/// front dominates. Box b is the product over k of (levels[k, boxes[b, 0, k]], levels[k, boxes[b,
/// 1, k]]].
struct BoxCover {
  ConstView levels;  ///< [1, 1, objectives, l] f64: ascending, from -infinity to the reference;
                     ///< shorter rows repeat the reference
  ConstView boxes;   ///< [count, 1, 2, objectives] i32
};

/// improvement = expectation of what a point Y adds to the front's hypervolume, Y_k ~ N(mean_k,
/// variance_k) independent: a sum over boxes of products over objectives of E[(upper - max(lower,
/// Y_k))+] (exact; a variance of 0 makes Y_k certain). Sets of beliefs beyond the objectives are
/// not read. improvement: [1, 1, 1, q] f64.
void hypervolume_improvement(Stream&, const BoxCover&, const Beliefs&, View improvement);

/// reward += log of the same, computed so that it holds where the improvement itself underflows; no
/// less than -1e6, also where nothing can be gained.
void add_log_hypervolume_improvement(Stream&, const BoxCover&, const Beliefs&, View reward);

namespace twins {
extern Op<decltype(hypervolume_improvement)> hypervolume_improvement;
extern Op<decltype(add_log_hypervolume_improvement)> add_log_hypervolume_improvement;
}  // namespace twins

}  // namespace paretiny::bayes
