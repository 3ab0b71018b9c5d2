#include "kernels/nn/training/channel_select.h"

#include "kernels/core/check.h"

namespace paretiny::nn {

namespace twins {
constinit Op<decltype(nn::channel_select)> channel_select("channel_select");
}  // namespace twins

void channel_select(Stream& stream, ConstView scores, View index) {
  const char* op = "channel_select";
  const std::int64_t channels = scores.shape.c, kept = index.shape.c;
  check_tensor(op, "scores", scores, {1, 1, 1, channels}, {DType::f32});
  check_tensor(op, "index", index, {1, 1, 1, kept}, {DType::i32});
  check(kept > 0 && kept <= channels, op,
        "cannot keep " + std::to_string(kept) + " of " + std::to_string(channels) + " channels");
  twins::channel_select(stream, scores, index);
}

}  // namespace paretiny::nn
