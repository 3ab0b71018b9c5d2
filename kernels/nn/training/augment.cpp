#include "kernels/nn/training/augment.h"

#include "kernels/core/check.h"

namespace paretiny {

namespace twins {
constinit Op<decltype(paretiny::gather_batch)> gather_batch("gather_batch");
}  // namespace twins

void gather_batch(Stream& stream, const AugmentSpec& spec, ConstView samples, ConstView labels,
                  ConstView order, ConstView cursor, ConstView scale, ConstView shift, View x,
                  View labels_out) {
  const char* op = "gather_batch";
  const Shape& from = samples.shape;
  const std::int64_t n = x.shape.n;
  check(spec.crop >= 0 && spec.shift >= 0 && spec.noise >= 0, op,
        "crop, shift and noise must not be negative");
  check(from.elements() > 0, op, "samples have no elements");
  check_tensor(op, "samples", samples, from, {DType::u8, DType::f32});
  check_tensor(op, "labels", labels, {1, 1, 1, from.n}, {DType::i32});
  check_tensor(op, "order", order, {1, 1, 1, order.shape.c}, {DType::i32});
  check(n > 0 && n <= order.shape.c, op,
        "a batch of " + std::to_string(n) + " does not fit an order of " +
            std::to_string(order.shape.c));
  check_tensor(op, "cursor", cursor, {1, 1, 1, 2}, {DType::i32});
  check_tensor(op, "scale", scale, {1, 1, 1, from.c}, {DType::f32});
  check_tensor(op, "shift", shift, {1, 1, 1, from.c}, {DType::f32});
  check_tensor(op, "x", x, {n, from.h, from.w, from.c}, {DType::f32, DType::bf16});
  check_tensor(op, "labels_out", labels_out, {1, 1, 1, n}, {DType::i32});
  twins::gather_batch(stream, spec, samples, labels, order, cursor, scale, shift, x, labels_out);
}

}  // namespace paretiny
