// Integer operators of the quantized network: the TensorFlow Lite int8 scheme, bit-exact with its
// reference kernels. Activations int8 per tensor, weights int8 in [-127, 127] with zero point 0,
// bias int32 with scale input * weight, int32 accumulators (the caller's duty: no overflow).
// parameters.h turns scales into the integers; tables.h makes the tables of int8_lookup.
// No output may alias an input unless it is said.
#pragma once

#include "kernels/int8/parameters.h"
#include "kernels/nn/conv.h"
#include "kernels/nn/depthwise.h"
#include "kernels/nn/fully_connected.h"
#include "kernels/nn/pool.h"

namespace paretiny::int8 {

/// What a layer with weights reads and writes.
struct Int8LayerTensors {
  ConstView x{};                      ///< [n, h, w, c_in] i8
  ConstView w{};                      ///< [c_out, kh, kw, c_in] i8
  ConstView b{};                      ///< [1, 1, 1, c_out] i32, or null: 0
  ConstView multipliers{}, shifts{};  ///< [1, 1, 1, c_out] i32: the pairs m[o]
  View y{};                           ///< [n, oh, ow, c_out] i8
};

/// y = clamp(m[o] * (sum of w * (x - input zero point) + b) + output zero point).
/// Padding stands for the zero point. Throws UsageError for shapes or types that do not fit.
void int8_conv(Stream&, const nn::ConvShape&, const Int8LayerParameters&, const Int8LayerTensors&);

/// w: [1, kh, kw, c]; the rest as in int8_conv.
void int8_depthwise(Stream&, const nn::DepthwiseShape&, const Int8LayerParameters&,
                    const Int8LayerTensors&);

/// w: [out, 1, 1, in]; y: [n, 1, 1, out]; the rest as in int8_conv.
void int8_fully_connected(Stream&, const nn::FullyConnectedShape&, const Int8LayerParameters&,
                          const Int8LayerTensors&);

/// y = a + b and y = a * b, all i8. b has a's shape or extent 1 where it is repeated (the gate of
/// squeeze-and-excite: [n, 1, 1, c]). y has a's shape and may alias a.
void int8_add(Stream&, const Int8AddParameters&, ConstView a, ConstView b, View y);
void int8_mul(Stream&, const Int8MulParameters&, ConstView a, ConstView b, View y);

/// y = table[x + 128], i8, any shape; table: [1, 1, 1, 256] i8. y may alias x.
void int8_lookup(Stream&, ConstView x, ConstView table, View y);

/// Pools of i8; the scale of x is kept. Padding is never counted.
void int8_average_pool(Stream&, const nn::PoolShape&, const Int8Range&, ConstView x, View y);
void int8_max_pool(Stream&, const nn::PoolShape&, const Int8Range&, ConstView x, View y);

/// Mean over h and w, rescaled. x: [n, h, w, c] i8; y: [n, 1, 1, c] i8.
void int8_mean(Stream&, const Int8MeanParameters&, ConstView x, View y);

/// Softmax over c; output scale 1/256, zero point -128. x, y: i8, one shape. y may alias x.
void int8_softmax(Stream&, const Int8SoftmaxParameters&, ConstView x, View y);

/// y = round(x / scale) + zero point, limited to [-128, 127]; NaN gives -128. x: f32; y: i8.
void int8_quantize(Stream&, const Quantization&, ConstView x, View y);

namespace twins {
extern Op<decltype(int8_conv)> int8_conv;
extern Op<decltype(int8_depthwise)> int8_depthwise;
extern Op<decltype(int8_add)> int8_add;
extern Op<decltype(int8_mul)> int8_mul;
extern Op<decltype(int8_lookup)> int8_lookup;
extern Op<decltype(int8_average_pool)> int8_average_pool;
extern Op<decltype(int8_max_pool)> int8_max_pool;
extern Op<decltype(int8_mean)> int8_mean;
extern Op<decltype(int8_softmax)> int8_softmax;
extern Op<decltype(int8_quantize)> int8_quantize;
}  // namespace twins

}  // namespace paretiny::int8
