// The range of a tensor's values. Percentile 100 reads x once; another sorts a copy of it.
#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_reduce.cuh>
#include <limits>

#include "kernels/core/cuda/cub_call.h"
#include "kernels/int8/value_range.h"

namespace paretiny::cuda {
namespace {

struct Ends {
  float low, high;
};

/// Both ends are the value; NaN where it is infinite.
struct EndsOfOne {
  __device__ Ends operator()(float x) const {
    const float finite = x + x * 0;
    return {finite, finite};
  }
};

/// NaN stays: it is not below, nor above.
struct EndsOfBoth {
  __device__ Ends operator()(Ends a, Ends b) const {
    return {a.low > b.low || b.low != b.low ? b.low : a.low,
            a.high < b.high || b.high != b.high ? b.high : a.high};
  }
};

/// One thread. sorted: [count], what is not finite at its ends; range: [2].
__global__ void take_kernel(const float* sorted, std::int64_t count, int8::RangeRanks ranks,
                            Ends* range) {
  const float nothing = sorted[0] * 0 + sorted[count - 1] * 0;
  *range = {sorted[ranks.low] + nothing, sorted[ranks.high] + nothing};
}

void value_range(Stream& stream, double percentile, ConstView x, View range) {
  const char* name = "value_range";
  const std::int64_t count = x.elements();
  const int8::RangeRanks ranks = int8::range_ranks(count, percentile);
  const auto* values = x.as<float>();
  auto* ends = static_cast<Ends*>(range.data);
  if (ranks.low == 0) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    cub_call(stream, name, [&](void* storage, std::size_t& bytes, cudaStream_t on) {
      return cub::DeviceReduce::TransformReduce(storage, bytes, values, ends, count, EndsOfBoth{},
                                                EndsOfOne{}, Ends{kInfinity, -kInfinity}, on);
    });
    return;
  }
  Arena::Scope scratch(stream.scratch());
  auto* sorted = scratch.take(DType::f32, x.shape).as<float>();
  cub_call(stream, name, [&](void* storage, std::size_t& bytes, cudaStream_t on) {
    return cub::DeviceRadixSort::SortKeys(storage, bytes, values, sorted, count, 0, 32, on);
  });
  launch(stream, name, take_kernel, {dim3(1), dim3(1)}, sorted, count, ranks, ends);
}

const Twin twin(int8::twins::value_range, DeviceKind::cuda, value_range);

}  // namespace
}  // namespace paretiny::cuda
