// Channel selection by counting: a channel is kept when fewer than `kept` others beat it, and its
// place among the kept is the number of kept channels before it. channels^2 comparisons, 4 million
// for 2048 channels, are microseconds; a sort would not be fewer kernels.
#include "kernels/core/cuda/launch.h"
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/cuda/shared.h"
#include "kernels/core/host_device.h"
#include "kernels/nn/training/channel_select.h"

namespace paretiny::cuda {
namespace {

constexpr int kThreads = kBlockThreads;
constexpr int kPlaceThreads = 1024;  // one block alone: the most that it may have

/// A warp a channel: stays[channel] = whether fewer than `kept` channels beat it.
__global__ void stay_kernel(const float* scores, int channels, int kept, std::int32_t* stays) {
  const int channel = static_cast<int>((blockIdx.x * blockDim.x + threadIdx.x) / kWarp);
  const int lane = static_cast<int>(threadIdx.x % kWarp);
  if (channel >= channels) return;
  const float mine = scores[channel];
  int beaten_by = 0;
  for (int other = lane; other < channels; other += kWarp) {
    const float score = scores[other];
    const bool equal_and_earlier = other < channel && !nn::scores_higher(mine, score);
    beaten_by += nn::scores_higher(score, mine) || equal_and_earlier ? 1 : 0;
  }
  beaten_by = warp_sum(beaten_by);
  if (lane == 0) stays[channel] = beaten_by < kept ? 1 : 0;
}

struct PlaceShared {
  int counts[kPlaceThreads / kWarp];
};

/// One block walks over the channels and writes those that stay.
__global__ void place_kernel(const std::int32_t* stays, int channels, std::int32_t* index) {
  auto& shared = shared_memory<PlaceShared>();
  const unsigned lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  int before = 0;
  for (int first = 0; first < channels; first += kPlaceThreads) {
    const int channel = first + static_cast<int>(threadIdx.x);
    const bool stay = channel < channels && stays[channel] != 0;
    const unsigned lanes = __ballot_sync(kAllLanes, stay);
    if (lane == 0) shared.counts[warp] = __popc(lanes);
    __syncthreads();
    int place = before + __popc(lanes & ((1u << lane) - 1));
    for (unsigned w = 0; w < kPlaceThreads / kWarp; ++w) {
      if (w < warp) place += shared.counts[w];
      before += shared.counts[w];
    }
    if (stay) index[place] = channel;
    __syncthreads();
  }
}

void channel_select(Stream& stream, ConstView scores, View index) {
  const std::int64_t channels = scores.shape.c;
  Arena::Scope scratch(stream.scratch());
  auto* stays = scratch.take(DType::i32, scores.shape).as<std::int32_t>();
  const auto blocks = static_cast<unsigned>(ceil_div(channels * kWarp, kThreads));
  launch(stream, "channel_select", stay_kernel, {dim3(blocks), dim3(kThreads)}, scores.as<float>(),
         channels, index.shape.c, stays);
  launch(stream, "channel_select", place_kernel,
         {dim3(1), dim3(kPlaceThreads), sizeof(PlaceShared)}, stays, channels,
         index.as<std::int32_t>());
}

const Twin twin(nn::twins::channel_select, DeviceKind::cuda, channel_select);

}  // namespace
}  // namespace paretiny::cuda
