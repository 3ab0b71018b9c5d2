// Conversion between f32 and bf16: 8 elements a thread, 16-byte accesses, each array crosses memory
// once (6 bytes an element).
#include <algorithm>

#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/cuda/vector.h"
#include "kernels/core/host_device.h"
#include "kernels/nn/cuda/convert.h"

namespace paretiny::cuda {
namespace {

constexpr int kThreads = kBlockThreads;
constexpr int kEach = 8;  ///< elements: 16 bytes of bf16, 32 of f32

/// kEach elements from and to 16-byte aligned memory.
template <class T>
__device__ void load_each(const T* from, float (&value)[kEach]) {
  for (int k = 0; k < kEach; k += kPack<T>) {
    const Pack<T> pack = load_pack(from + k);
    for (int i = 0; i < kPack<T>; ++i) value[k + i] = pack.value[i];
  }
}

template <class T>
__device__ void store_each(T* to, const float (&value)[kEach]) {
  for (int k = 0; k < kEach; k += kPack<T>) {
    Pack<T> pack;
    for (int i = 0; i < kPack<T>; ++i) pack.value[i] = value[k + i];
    store_pack(to + k, pack);
  }
}

/// from, to: [count]; kEach elements a thread at once where both are aligned.
template <class From, class To>
__global__ void convert_kernel(GridDependency earlier, const From* from, To* to, std::int64_t count,
                               bool aligned) {
  earlier.wait();
  const std::int64_t thread = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const std::int64_t threads = std::int64_t{gridDim.x} * blockDim.x;
  const std::int64_t groups = aligned ? count / kEach : 0;
  for (std::int64_t g = thread; g < groups; g += threads) {
    float value[kEach];
    load_each(from + g * kEach, value);
    store_each(to + g * kEach, value);
  }
  for (std::int64_t i = groups * kEach + thread; i < count; i += threads) {
    to[i] = narrow<To>(widen(from[i]));
  }
}

template <class From, class To>
void convert_elements(Stream& stream, const From* from, To* to, std::int64_t count) {
  const bool aligned = packs(from, 0) && packs(to, 0);
  const std::int64_t work = aligned ? ceil_div(count, kEach) : count;
  const std::int64_t most = std::int64_t{multiprocessors(stream)} * 8;
  const std::int64_t blocks = std::clamp<std::int64_t>(ceil_div(work, kThreads), 1, most);
  launch_dependent(stream, "convert", convert_kernel<From, To>,
                   {dim3(static_cast<unsigned>(blocks)), dim3(kThreads)}, from, to, count, aligned);
}

}  // namespace

void convert(Stream& stream, const float* from, bf16* to, std::int64_t count) {
  convert_elements(stream, from, to, count);
}

void convert(Stream& stream, const bf16* from, float* to, std::int64_t count) {
  convert_elements(stream, from, to, count);
}

}  // namespace paretiny::cuda
