#include "kernels/nn/training/augment.h"

#include "kernels/core/check.h"

namespace paretiny::nn {

namespace twins {
constinit Op<decltype(nn::gather_batch)> gather_batch("gather_batch");
}  // namespace twins

void gather_batch(Stream& stream, const AugmentSpec& spec, const BatchGather& t) {
  const char* op = "gather_batch";
  const Shape& from = t.samples.shape;
  const std::int64_t n = t.x.shape.n;
  check(spec.crop >= 0 && spec.shift >= 0 && spec.noise >= 0, op,
        "crop, shift and noise must not be negative");
  check(from.elements() > 0, op, "samples have no elements");
  check_tensor(op, "samples", t.samples, from, {DType::u8, DType::f32});
  check_tensor(op, "labels", t.labels, {1, 1, 1, from.n}, {DType::i32});
  check_tensor(op, "order", t.order, {1, 1, 1, t.order.shape.c}, {DType::i32});
  check(n > 0 && n <= t.order.shape.c, op,
        "a batch of " + std::to_string(n) + " does not fit an order of " +
            std::to_string(t.order.shape.c));
  check_tensor(op, "cursor", t.cursor, {1, 1, 1, 2}, {DType::i32});
  check_tensor(op, "scale", t.scale, {1, 1, 1, from.c}, {DType::f32});
  check_tensor(op, "shift", t.shift, {1, 1, 1, from.c}, {DType::f32});
  check_tensor(op, "x", t.x, {n, from.h, from.w, from.c}, {DType::f32, DType::bf16});
  check_tensor(op, "labels_out", t.labels_out, {1, 1, 1, n}, {DType::i32});
  twins::gather_batch(stream, spec, t);
}

}  // namespace paretiny::nn
