// Channel gather: a copy, 16 bytes a thread where inner is a multiple of 4. Reads and writes what
// is kept once.
#include <algorithm>

#include "kernels/core/cuda/launch.h"
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/cuda/vector.h"
#include "kernels/core/host_device.h"
#include "kernels/nn/training/channel_gather.h"

namespace paretiny::cuda {
namespace {

constexpr int kThreads = kBlockThreads;

/// T: float, or uint4 for four of them; `inner` counts T.
template <class T>
__global__ void gather_kernel(const T* in, const std::int32_t* index, std::int64_t outer,
                              std::int64_t channels, std::int64_t kept, std::int64_t inner,
                              T* out) {
  const std::int64_t count = outer * kept * inner;
  const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += step) {
    const std::int64_t row = i / inner;  // of [outer * kept]
    const std::int32_t channel = index[row % kept];
    const std::int64_t from = row / kept * channels + channel;
    out[i] = channel < 0 ? T{} : in[from * inner + i % inner];
  }
}

void channel_gather(Stream& stream, ConstView in, ConstView index, View out) {
  const auto gather = [&]<class T>(const T* from, T* to) {
    constexpr std::int64_t width = sizeof(T) / sizeof(float);
    const std::int64_t work = ceil_div(out.elements() / width, kThreads);
    const std::int64_t most = std::int64_t{multiprocessors(stream)} * 16;
    launch(stream, "channel_gather", gather_kernel<T>,
           {dim3(static_cast<unsigned>(std::clamp<std::int64_t>(work, 1, most))), dim3(kThreads)},
           from, index.as<std::int32_t>(), in.shape.h, in.shape.w, index.shape.c,
           in.shape.c / width, to);
  };
  const std::int64_t inner = in.shape.c;
  if (packs(in.as<float>(), inner) && packs(out.as<float>(), inner)) {
    gather(in.as<uint4>(), out.as<uint4>());
  } else {
    gather(in.as<float>(), out.as<float>());
  }
}

const Twin twin(nn::twins::channel_gather, DeviceKind::cuda, channel_gather);

}  // namespace
}  // namespace paretiny::cuda
