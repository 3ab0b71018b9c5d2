#include "kernels/nn/training/channel_gather.h"

#include "kernels/core/check.h"

namespace paretiny::nn {

namespace twins {
constinit Op<decltype(nn::channel_gather)> channel_gather("channel_gather");
}  // namespace twins

void channel_gather(Stream& stream, ConstView in, ConstView index, View out) {
  const char* op = "channel_gather";
  const Shape& from = in.shape;
  const std::int64_t kept = index.shape.c;
  check_tensor(op, "in", in, {1, from.h, from.w, from.c}, {DType::f32});
  check_tensor(op, "index", index, {1, 1, 1, kept}, {DType::i32});
  check_tensor(op, "out", out, {1, from.h, kept, from.c}, {DType::f32});
  check(in.data != out.data, op, "out aliases in");
  twins::channel_gather(stream, in, index, out);
}

}  // namespace paretiny::nn
