#include "kernels/nn/training/loss.h"

#include "kernels/core/check.h"

namespace paretiny::nn {

namespace twins {
constinit Op<decltype(nn::softmax_cross_entropy)> softmax_cross_entropy("softmax_cross_entropy");
}  // namespace twins

void softmax_cross_entropy(Stream& stream, float label_smoothing, const CrossEntropy& t) {
  const char* op = "softmax_cross_entropy";
  const Shape& shape = t.logits.shape;
  check(label_smoothing >= 0 && label_smoothing <= 1, op, "label_smoothing lies outside 0..1");
  check(shape.n > 0 && shape.c > 0, op, "logits have no elements");
  check_tensor(op, "logits", t.logits, {shape.n, 1, 1, shape.c}, {DType::f32});
  check_tensor(op, "labels", t.labels, {1, 1, 1, shape.n}, {DType::i32});
  check_tensor(op, "loss", t.loss, {1, 1, 1, shape.n}, {DType::f32});
  if (t.dlogits) check_tensor(op, "dlogits", t.dlogits, shape, {DType::f32});
  check_tensor(op, "totals", t.totals, {1, 1, 1, 2}, {DType::f32});
  twins::softmax_cross_entropy(stream, label_smoothing, t);
}

}  // namespace paretiny::nn
