#include "kernels/nn/training/optimizer.h"

#include "kernels/core/check.h"

namespace paretiny {

namespace twins {
constinit Op<decltype(paretiny::sgd_step)> sgd_step("sgd_step");
constinit Op<decltype(paretiny::adam_step)> adam_step("adam_step");
}  // namespace twins

void sgd_step(Stream& stream, const SgdOptions& options, ConstView rate, ConstView g, View w,
              View m) {
  const char* op = "sgd_step";
  const Shape flat{1, 1, 1, g.shape.c};
  check_tensor(op, "rate", rate, {1, 1, 1, 1}, {DType::f32});
  check_tensor(op, "g", g, flat, {DType::f32});
  check_tensor(op, "w", w, flat, {DType::f32});
  check_tensor(op, "m", m, flat, {DType::f32});
  twins::sgd_step(stream, options, rate, g, w, m);
}

void adam_step(Stream& stream, const AdamOptions& options, ConstView schedule, ConstView g, View w,
               View m, View v) {
  const char* op = "adam_step";
  const Shape flat{1, 1, 1, g.shape.c};
  check_tensor(op, "schedule", schedule, {1, 1, 1, 3}, {DType::f32});
  check_tensor(op, "g", g, flat, {DType::f32});
  check_tensor(op, "w", w, flat, {DType::f32});
  check_tensor(op, "m", m, flat, {DType::f32});
  check_tensor(op, "v", v, flat, {DType::f32});
  twins::adam_step(stream, options, schedule, g, w, m, v);
}

}  // namespace paretiny
