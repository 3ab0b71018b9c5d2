// Softmax cross entropy with label smoothing, and the counts an epoch needs.
#pragma once

#include "kernels/core/dispatch.h"
#include "kernels/core/tensor.h"

namespace paretiny::nn {

struct CrossEntropy {
  ConstView logits;  ///< [n, 1, 1, classes] f32
  ConstView labels;  ///< [1, 1, 1, n] i32, each within 0 .. classes-1 (the caller's duty)
  View loss;         ///< [1, 1, 1, n] f32, of each sample
  View dlogits;      ///< as logits: the gradient of the mean loss; or null
  View totals;       ///< [1, 1, 1, 2] f32, to which the sum of the losses and the number of correct
                     ///< predictions (first of equal largest logits) are added
};

/// Target of class k: (1 - smoothing) * [k = label] + smoothing / classes.
void softmax_cross_entropy(Stream&, float label_smoothing, const CrossEntropy&);

namespace twins {
extern Op<decltype(softmax_cross_entropy)> softmax_cross_entropy;
}  // namespace twins

}  // namespace paretiny::nn
