#include "kernels/nn/training/channel_gather.h"

#include <algorithm>

namespace paretiny::cpu {
namespace {

void channel_gather(Stream&, ConstView in, ConstView index, View out) {
  const std::int64_t outer = in.shape.h, channels = in.shape.w, inner = in.shape.c;
  const std::int64_t kept = index.shape.c;
  const std::int32_t* from_channel = index.as<std::int32_t>();
  for (std::int64_t i = 0; i < outer; ++i) {
    const float* from = in.as<float>() + i * channels * inner;
    float* to = out.as<float>() + i * kept * inner;
    for (std::int64_t k = 0; k < kept; ++k, to += inner) {
      if (from_channel[k] < 0) {
        std::fill_n(to, inner, 0.0f);
      } else {
        std::copy_n(from + from_channel[k] * inner, inner, to);
      }
    }
  }
}

const Twin twin(nn::twins::channel_gather, DeviceKind::cpu, channel_gather);

}  // namespace
}  // namespace paretiny::cpu
