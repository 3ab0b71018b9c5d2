// Channel selection by sorting: the channels by their scores, then those kept by their places.
#include <thrust/iterator/counting_iterator.h>

#include <cub/device/device_merge_sort.cuh>

#include "kernels/core/cuda/cub_call.h"
#include "kernels/nn/training/channel_select.h"

namespace paretiny::cuda {
namespace {

struct ScoresHigher {
  const float* scores;
  __device__ bool operator()(std::int32_t a, std::int32_t b) const {
    return nn::scores_higher(scores[a], scores[b]);
  }
};

struct Earlier {
  __device__ bool operator()(std::int32_t a, std::int32_t b) const { return a < b; }
};

void channel_select(Stream& stream, ConstView scores, View index) {
  Arena::Scope scratch(stream.scratch());
  auto* order = scratch.take(DType::i32, scores.shape).as<std::int32_t>();
  const auto sort = [&](auto from, std::int32_t* to, std::int64_t count, auto before) {
    cub_call(stream, "channel_select", [&](void* storage, std::size_t& bytes, cudaStream_t on) {
      return cub::DeviceMergeSort::StableSortKeysCopy(storage, bytes, from, to, count, before, on);
    });
  };
  sort(thrust::counting_iterator<std::int32_t>{0}, order, scores.shape.c,
       ScoresHigher{scores.as<float>()});
  sort(order, index.as<std::int32_t>(), index.shape.c, Earlier{});
}

const Twin twin(nn::twins::channel_select, DeviceKind::cuda, channel_select);

}  // namespace
}  // namespace paretiny::cuda
