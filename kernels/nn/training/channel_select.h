// Channel selection: which channels a pruning step keeps.
#pragma once

#include "kernels/core/dispatch.h"
#include "kernels/core/host_device.h"
#include "kernels/core/tensor.h"

namespace paretiny::nn {

/// Whether score a is above score b; NaN is below every number, -infinity too, and equal to NaN.
PARETINY_HOST_DEVICE inline bool scores_higher(float a, float b) {
  return a > b || (b != b && a == a);
}

/// index = the channels of the index.shape.c highest scores, ascending; of equal scores the earlier
/// channels. scores: [1, 1, 1, channels] f32; index: [1, 1, 1, kept] i32, kept <= channels.
void channel_select(Stream&, ConstView scores, View index);

namespace twins {
extern Op<decltype(channel_select)> channel_select;
}  // namespace twins

}  // namespace paretiny::nn
