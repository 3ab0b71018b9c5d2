// Element-wise maps over dense arrays: 16 bytes a thread and access, tails element by element.
#pragma once

#include <algorithm>

#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/cuda/vector.h"
#include "kernels/core/host_device.h"

namespace paretiny::cuda {

inline constexpr int kMapThreads = kBlockThreads;

/// How a map over some arrays is launched; `aligned` if it can go in packs.
struct MapLaunch {
  LaunchShape shape;
  bool aligned;
};

/// A thread for every pack or element, or for several where these are many.
template <class T, class... More>
MapLaunch map_launch(Stream& stream, std::int64_t count, const T* array, const More*... more) {
  static_assert((std::is_same_v<T, More> && ...), "one element type a map");
  const bool aligned = packs(array, kPack<T>) && (packs(more, kPack<T>) && ...);
  const std::int64_t work = aligned ? ceil_div(count, kPack<T>) : count;
  const std::int64_t most = std::int64_t{multiprocessors(stream)} * 16;
  const std::int64_t blocks = std::clamp<std::int64_t>(ceil_div(work, kMapThreads), 1, most);
  return {{dim3(static_cast<unsigned>(blocks)), dim3(kMapThreads)}, aligned};
}

/// A thread's share of to[i] = f(from[i]...) for i < count.
template <class T, class F, class... From>
__device__ void map_share(T* to, std::int64_t count, bool aligned, F f, const From*... from) {
  const std::int64_t thread = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const std::int64_t threads = std::int64_t{gridDim.x} * blockDim.x;
  const std::int64_t packs = aligned ? count / kPack<T> : 0;
  for (std::int64_t p = thread; p < packs; p += threads) {
    const std::int64_t i = p * kPack<T>;
    Pack<T> result;
    [&](const Pack<From>&... pack) {
      for (int k = 0; k < kPack<T>; ++k) result.value[k] = f(pack.value[k]...);
    }(load_pack(from + i)...);
    store_pack(to + i, result);
  }
  for (std::int64_t i = packs * kPack<T> + thread; i < count; i += threads) {
    to[i] = narrow<T>(f(widen(from[i])...));
  }
}

/// to, each of from: [count].
template <class T, class F, class... From>
__global__ void map_kernel(GridDependency earlier, T* to, std::int64_t count, bool aligned, F f,
                           const From*... from) {
  earlier.wait();
  map_share(to, count, aligned, f, from...);
}

/// to[i] = f(from[i]...) for i < count. F: a functor of floats, callable on the device. `to` may be
/// one of the inputs.
template <class T, class F, class... From>
void map_elements(Stream& stream, const char* name, std::int64_t count, T* to, F f,
                  const From*... from) {
  const MapLaunch how = map_launch(stream, count, to, from...);
  launch_dependent(stream, name, map_kernel<T, F, From...>, how.shape, to, count, how.aligned, f,
                   from...);
}

}  // namespace paretiny::cuda
