#include "kernels/nn/training/channel_select.h"

#include <algorithm>
#include <numeric>

namespace paretiny::cpu {
namespace {

void channel_select(Stream& stream, ConstView scores, View index) {
  const std::int64_t kept = index.shape.c;
  const float* score = scores.as<float>();
  Arena::Scope scratch(stream.scratch());
  auto* order = scratch.take(DType::i32, scores.shape).as<std::int32_t>();
  std::iota(order, order + scores.shape.c, 0);
  std::stable_sort(order, order + scores.shape.c, [score](std::int32_t a, std::int32_t b) {
    return nn::scores_higher(score[a], score[b]);
  });
  std::sort(order, order + kept);
  std::copy_n(order, kept, index.as<std::int32_t>());
}

const Twin twin(nn::twins::channel_select, DeviceKind::cpu, channel_select);

}  // namespace
}  // namespace paretiny::cpu
