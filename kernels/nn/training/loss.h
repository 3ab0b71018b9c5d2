// Softmax cross entropy with label smoothing, and the counts an epoch needs.
#pragma once

#include "kernels/core/dispatch.h"
#include "kernels/core/tensor.h"

namespace paretiny::nn {

/// Target of class k: (1 - smoothing) * [k = label] + smoothing / classes.
/// logits: [n, 1, 1, classes] f32; labels: [1, 1, 1, n] i32, each within
/// 0 .. classes-1 (the caller's duty); loss: [1, 1, 1, n] f32, of each
/// sample; dlogits: gradient of the mean loss, f32, or null; totals: [1, 1, 1, 2] f32, to which the
/// sum of the losses and the number of correct predictions (first of equal largest logits) are
/// added.
void softmax_cross_entropy(Stream&, float label_smoothing, ConstView logits, ConstView labels,
                           View loss, View dlogits, View totals);

namespace twins {
extern Op<decltype(softmax_cross_entropy)> softmax_cross_entropy;
}  // namespace twins

}  // namespace paretiny::nn
