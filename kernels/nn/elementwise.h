// Residual addition and the channel scale of squeeze-and-excite. f32 or bf16, one type a call.
#pragma once

#include "kernels/nn/activation.h"

namespace paretiny::nn {

/// Throws UsageError for an activation whose slope does not follow from its result, as that of
/// none, relu and relu6 does: relu6 and relu are flat outside the same interval of either.
void check_slope_follows_from_y(const char* op, Activation activation);

/// y = activation(a + b), equal shapes. The activation is none, relu or relu6, whose gradient
/// follows from y. y may alias a or b.
void add_forward(Stream&, Activation, ConstView a, ConstView b, View y);

/// d = the gradient of a and of b alike; d may alias dy. y is not read when activation is none.
void add_backward(Stream&, Activation, ConstView y, ConstView dy, View d);

/// y[n, h, w, c] = x[n, h, w, c] * s[n, 1, 1, c]. y may alias x.
void channel_scale_forward(Stream&, ConstView x, ConstView s, View y);

struct ChannelScaleGradient {
  ConstView x;   ///< [n, h, w, c]
  ConstView s;   ///< [n, 1, 1, c]
  ConstView dy;  ///< as x
  View dx;       ///< as x; may alias dy
  View ds;       ///< as s
};

/// dx = dy * s, ds = sum of dy * x over h, w.
void channel_scale_backward(Stream&, const ChannelScaleGradient&);

namespace twins {
extern Op<decltype(add_forward)> add_forward;
extern Op<decltype(add_backward)> add_backward;
extern Op<decltype(channel_scale_forward)> channel_scale_forward;
extern Op<decltype(channel_scale_backward)> channel_scale_backward;
}  // namespace twins

}  // namespace paretiny::nn
