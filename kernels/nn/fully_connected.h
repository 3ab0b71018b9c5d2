// Fully connected layer: the classifier. Activations f32 or bf16, logits and their gradient f32.
#pragma once

#include "kernels/core/dispatch.h"
#include "kernels/core/tensor.h"

namespace paretiny::nn {

struct FullyConnectedShape {
  Shape input;  ///< [n, h, w, c], flattened to h * w * c inputs a sample
  std::int64_t out_features = 0;

  std::int64_t in_features() const { return input.h * input.w * input.c; }
  Shape output() const { return {input.n, 1, 1, out_features}; }
  Shape weights() const { return {out_features, 1, 1, in_features()}; }
  friend bool operator==(const FullyConnectedShape&, const FullyConnectedShape&) = default;
};

/// y = x w^T + b. w: [out, 1, 1, in] f32; b: [1, 1, 1, out] f32 or null; y: [n, 1, 1, out] f32.
void fully_connected_forward(Stream&, const FullyConnectedShape&, ConstView x, ConstView w,
                             ConstView b, View y);

struct FullyConnectedBackward {
  ConstView x{}, w{};
  ConstView dy{};  ///< f32
  View dx{};       ///< type of x, or null: not wanted
  View dw{};
  View db{};  ///< or null: not wanted
};

/// dx, dw and db are overwritten.
void fully_connected_backward(Stream&, const FullyConnectedShape&, const FullyConnectedBackward&);

/// The most scratch that either takes from the stream's arena, in bytes.
std::size_t fully_connected_scratch_bytes(Stream&, const FullyConnectedShape&, DType activations);

namespace twins {
extern Op<decltype(fully_connected_forward)> fully_connected_forward;
extern Op<decltype(fully_connected_backward)> fully_connected_backward;
extern Op<decltype(fully_connected_scratch_bytes)> fully_connected_scratch_bytes;
}  // namespace twins

}  // namespace paretiny::nn
