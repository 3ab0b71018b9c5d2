// Pointwise convolutions: which kernel takes which.
#include <algorithm>

#include "kernels/nn/cuda/pointwise/pointwise_mma.h"
#include "kernels/nn/cuda/product.h"
#include "kernels/nn/pointwise.h"

namespace paretiny::cuda {
namespace {

std::int64_t pixels_of(const nn::PointwiseShape& shape) {
  return shape.input.n * shape.input.h * shape.input.w;
}

Matrix weights_of(const nn::PointwiseShape& shape, ConstView w) {
  return Matrix::of(w, shape.out_channels, shape.input.c);
}

PixelProduct forward_product(const nn::PointwiseShape& shape, ConstView x, ConstView w, View y) {
  return {pixels_of(shape), shape.input.c, shape.out_channels, x.data, w, false, y.data};
}

PixelProduct gradient_product(const nn::PointwiseShape& shape, ConstView dy, ConstView w, View dx) {
  return {pixels_of(shape), shape.out_channels, shape.input.c, dy.data, w, true, dx.data};
}

WeightProduct weights_product(const nn::PointwiseShape& shape, ConstView x, ConstView dy, View dw,
                              View db) {
  return {pixels_of(shape), shape.out_channels, shape.input.c, dy.data,
          x.data,           dw.as<float>(),     db.as<float>()};
}

void forward(Stream& stream, const nn::PointwiseShape& shape, const nn::ConvolutionForward& t) {
  if (t.x.dtype == DType::bf16 &&
      pixel_product(stream, "pointwise_forward", forward_product(shape, t.x, t.w, t.y),
                    {t.prologue, shape.input}, {t.b, t.epilogue}, t.epilogue.mean,
                    t.epilogue.variance)) {
    return;
  }
  ProductExtras extras;
  extras.a = {t.prologue, shape.input};
  extras.output = {t.b, t.epilogue};
  extras.mean = t.epilogue.mean;
  extras.variance = t.epilogue.variance;
  product(stream, "pointwise_forward", Matrix::of(t.x, pixels_of(shape), shape.input.c),
          weights_of(shape, t.w).transposed(), t.y, extras);
}

void backward_data(Stream& stream, const nn::PointwiseShape& shape, ConstView dy, ConstView w,
                   View dx) {
  if (dy.dtype == DType::bf16 &&
      pixel_product(stream, "pointwise_backward_data", gradient_product(shape, dy, w, dx))) {
    return;
  }
  product(stream, "pointwise_backward_data", Matrix::of(dy, pixels_of(shape), shape.out_channels),
          weights_of(shape, w), dx);
}

void backward_weights(Stream& stream, const nn::PointwiseShape& shape,
                      const nn::ConvolutionWeightGradient& t) {
  if (t.x.dtype == DType::bf16) {
    return weight_product(stream, "pointwise_backward_weights",
                          weights_product(shape, t.x, t.dy, t.dw, t.db), {t.prologue, shape.input});
  }
  ProductExtras extras;
  extras.b = {t.prologue, shape.input};
  extras.a_row_sums = t.db.as<float>();
  product(stream, "pointwise_backward_weights",
          Matrix::of(t.dy, pixels_of(shape), shape.out_channels).transposed(),
          Matrix::of(t.x, pixels_of(shape), shape.input.c), t.dw, extras);
}

std::size_t most_scratch(Stream& stream, const nn::PointwiseShape& shape, DType,
                         const nn::ConvolutionUse&) {
  const std::int64_t pixels = pixels_of(shape), in = shape.input.c, out = shape.out_channels;
  return std::max({pixel_product_scratch_bytes(stream, forward_product(shape, {}, {}, {})),
                   weight_product_scratch_bytes(stream, weights_product(shape, {}, {}, {}, {})),
                   product_scratch_bytes(stream, pixels, out, in),
                   product_scratch_bytes(stream, pixels, in, out),
                   product_scratch_bytes(stream, out, in, pixels)});
}

const Twin forward_twin(nn::twins::pointwise_forward, DeviceKind::cuda, forward);
const Twin backward_data_twin(nn::twins::pointwise_backward_data, DeviceKind::cuda, backward_data);
const Twin backward_weights_twin(nn::twins::pointwise_backward_weights, DeviceKind::cuda,
                                 backward_weights);
const Twin scratch_twin(nn::twins::pointwise_scratch_bytes, DeviceKind::cuda, most_scratch);

}  // namespace
}  // namespace paretiny::cuda
