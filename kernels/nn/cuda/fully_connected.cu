// Fully connected layers: cuBLASLt's products where it takes the job, else our own (product.h).
// Both sum in f32 with the weights and dy as they are. cuBLASLt wants one type for both operands,
// so that x in bf16 is widened first (6 bytes an element: a classifier's x is small); with weights
// and dy rounded to bf16 instead there would be as many launches, less exact logits, and rows of
// 10 classes that are no whole packs.
#include <algorithm>

#include "kernels/nn/cuda/bias.h"
#include "kernels/nn/cuda/convert.h"
#include "kernels/nn/cuda/libraries.h"
#include "kernels/nn/cuda/product.h"
#include "kernels/nn/fully_connected.h"

namespace paretiny::cuda {
namespace {

Product forward_product(const nn::FullyConnectedShape& s) {
  return {s.input.n, s.out_features, s.in_features(), false, true};
}
Product data_product(const nn::FullyConnectedShape& s) {
  return {s.input.n, s.in_features(), s.out_features, false, false};
}
Product weights_product(const nn::FullyConnectedShape& s) {
  return {s.out_features, s.in_features(), s.input.n, true, false};
}

/// `x`, or a wider copy of it in scratch.
const float* widened(Stream& stream, Arena::Scope& scratch, const ConstView& x) {
  if (x.dtype == DType::f32) return x.as<float>();
  const View copy = scratch.take(DType::f32, x.shape);
  convert(stream, x.as<bf16>(), copy.as<float>(), x.elements());
  return copy.as<float>();
}

[[nodiscard]] bool library_forward(Stream& stream, const nn::FullyConnectedShape& shape,
                                   const ConstView& x, const ConstView& w, const ConstView& b,
                                   const View& y) {
  const Product product = forward_product(shape);
  if (!cublaslt_scratch_bytes(stream, product)) return false;
  Arena::Scope scratch(stream.scratch());
  return cublaslt_product(stream, product, widened(stream, scratch, x), w.as<float>(),
                          b.as<float>(), y.as<float>());
}

[[nodiscard]] bool library_backward_data(Stream& stream, const nn::FullyConnectedShape& shape,
                                         const ConstView& w, const ConstView& dy, const View& dx) {
  const Product product = data_product(shape);
  if (!cublaslt_scratch_bytes(stream, product)) return false;
  Arena::Scope scratch(stream.scratch());
  const View exact = dx.dtype == DType::f32 ? dx : scratch.take(DType::f32, dx.shape);
  if (!cublaslt_product(stream, product, dy.as<float>(), w.as<float>(), nullptr,
                        exact.as<float>())) {
    return false;
  }
  if (dx.dtype == DType::bf16) {
    convert(stream, exact.as<float>(), dx.as<bf16>(), dx.elements());
  }
  return true;
}

[[nodiscard]] bool library_backward_weights(Stream& stream, const nn::FullyConnectedShape& shape,
                                            const ConstView& x, const ConstView& dy, const View& dw,
                                            const View& db) {
  const Product product = weights_product(shape);
  if (!cublaslt_scratch_bytes(stream, product)) return false;
  Arena::Scope scratch(stream.scratch());
  if (!cublaslt_product(stream, product, dy.as<float>(), widened(stream, scratch, x), nullptr,
                        dw.as<float>())) {
    return false;
  }
  if (db) bias_gradient(stream, dy, db);
  return true;
}

void forward(Stream& stream, const nn::FullyConnectedShape& shape, ConstView x, ConstView w,
             ConstView b, View y) {
  if (library_forward(stream, shape, x, w, b, y)) return;
  const std::int64_t in = shape.in_features();
  ProductExtras extras;
  extras.output.bias = b.as<float>();
  product(stream, "fully_connected_forward", Matrix::of(x, shape.input.n, in),
          Matrix::of(w, shape.out_features, in).transposed(), y, extras);
}

void backward(Stream& stream, const nn::FullyConnectedShape& shape,
              const nn::FullyConnectedBackward& t) {
  const std::int64_t in = shape.in_features();
  const Matrix dy_rows = Matrix::of(t.dy, shape.input.n, shape.out_features);
  if (t.dx && !library_backward_data(stream, shape, t.w, t.dy, t.dx)) {
    product(stream, "fully_connected_backward", dy_rows, Matrix::of(t.w, shape.out_features, in),
            t.dx);
  }
  if (library_backward_weights(stream, shape, t.x, t.dy, t.dw, t.db)) return;
  ProductExtras extras;
  extras.a_row_sums = t.db.as<float>();
  product(stream, "fully_connected_backward", dy_rows.transposed(),
          Matrix::of(t.x, shape.input.n, in), t.dw, extras);
}

std::size_t most_scratch(Stream& stream, const nn::FullyConnectedShape& shape, DType activations) {
  const std::size_t copy =
      activations == DType::bf16
          ? aligned(static_cast<std::size_t>(shape.input.elements()) * sizeof(float))
          : 0;
  std::size_t most = 0;
  for (const Product& p : {forward_product(shape), data_product(shape), weights_product(shape)}) {
    const auto library = cublaslt_scratch_bytes(stream, p);
    most = std::max(most, library ? copy + *library
                                  : product_scratch_bytes(stream, p.rows, p.columns, p.depth));
  }
  return std::max(most, bias_gradient_bytes(stream, shape.output(), DType::f32));
}

const Twin forward_twin(nn::twins::fully_connected_forward, DeviceKind::cuda, forward);
const Twin backward_twin(nn::twins::fully_connected_backward, DeviceKind::cuda, backward);
const Twin scratch_twin(nn::twins::fully_connected_scratch_bytes, DeviceKind::cuda, most_scratch);

}  // namespace
}  // namespace paretiny::cuda
