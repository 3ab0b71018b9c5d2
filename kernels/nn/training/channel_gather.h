// Channel gather: what physically removes filters from weights, statistics and optimiser state, or
// puts zeros in places of them.
#pragma once

#include "kernels/core/dispatch.h"
#include "kernels/core/tensor.h"

namespace paretiny::nn {

/// out[i, k, j] = in[i, index[k], j] for in: [outer, channels, inner], out: [outer, kept, inner],
/// both f32, written as shapes {1, outer, channels, inner}; index: [1, 1, 1, kept] i32, each within
/// 0 .. channels-1 or -1, for which out is 0 (the caller's duty). out must not alias in.
void channel_gather(Stream&, ConstView in, ConstView index, View out);

namespace twins {
extern Op<decltype(channel_gather)> channel_gather;
}  // namespace twins

}  // namespace paretiny::nn
