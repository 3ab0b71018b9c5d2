#include "kernels/nn/training/optimizer.h"

#include "kernels/core/check.h"

namespace paretiny::nn {

namespace twins {
constinit Op<decltype(nn::sgd_step)> sgd_step("sgd_step");
constinit Op<decltype(nn::adam_step)> adam_step("adam_step");
constinit Op<decltype(nn::cast_weights)> cast_weights("cast_weights");
}  // namespace twins

void sgd_step(Stream& stream, const SgdOptions& options, ConstView rate, const OptimizerArrays& t) {
  const char* op = "sgd_step";
  const Shape flat{1, 1, 1, t.g.shape.c};
  check_tensor(op, "rate", rate, {1, 1, 1, 1}, {DType::f32});
  check_tensor(op, "g", t.g, flat, {DType::f32});
  check_tensor(op, "w", t.w, flat, {DType::f32});
  check_tensor(op, "m", t.m, flat, {DType::f32});
  if (t.cast) check_tensor(op, "cast", t.cast, flat, {DType::bf16});
  twins::sgd_step(stream, options, rate, t);
}

void adam_step(Stream& stream, const AdamOptions& options, ConstView schedule,
               const OptimizerArrays& t) {
  const char* op = "adam_step";
  const Shape flat{1, 1, 1, t.g.shape.c};
  check_tensor(op, "schedule", schedule, {1, 1, 1, 3}, {DType::f32});
  check_tensor(op, "g", t.g, flat, {DType::f32});
  check_tensor(op, "w", t.w, flat, {DType::f32});
  check_tensor(op, "m", t.m, flat, {DType::f32});
  check_tensor(op, "v", t.v, flat, {DType::f32});
  if (t.cast) check_tensor(op, "cast", t.cast, flat, {DType::bf16});
  twins::adam_step(stream, options, schedule, t);
}

void cast_weights(Stream& stream, ConstView w, View cast) {
  const char* op = "cast_weights";
  const Shape flat{1, 1, 1, w.shape.c};
  check_tensor(op, "w", w, flat, {DType::f32});
  check_tensor(op, "cast", cast, flat, {DType::bf16});
  twins::cast_weights(stream, w, cast);
}

}  // namespace paretiny::nn
