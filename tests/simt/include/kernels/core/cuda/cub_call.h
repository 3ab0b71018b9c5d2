// The SIMT twin of kernels/core/cuda/cub_call.h, and what the twins of CUB's calls share.
#pragma once

#include <cstring>

#include "base/error.h"
#include "kernels/core/cuda/launch.h"

using cudaError_t = bool;  // whether a call was wrong
using cudaStream_t = const paretiny::Stream*;

namespace paretiny::cuda {

template <class F>
void cub_call(Stream& stream, const char* name, F call) {
  std::size_t bytes = 0;
  const bool unasked = call(nullptr, bytes, &stream);
  Arena::Scope scratch(stream.scratch());
  if (unasked || call(scratch.take(bytes), bytes, &stream)) {
    throw DeviceError(std::string(name) + ": CUB cannot be called so");
  }
}

}  // namespace paretiny::cuda

namespace cub {

inline void simt_check(const void* device, std::size_t bytes) {
  paretiny::simt::check_device_memory("CUB", device, bytes);
}
template <class Iterator>
void simt_check(const Iterator&, std::size_t) {}  // makes its values

/// Says how many bytes a call of `count` items needs, or checks its storage and tensors and calls
/// compute().
template <class In, class Out, class F>
cudaError_t simt_call(void* storage, std::size_t& bytes, In in, std::int64_t count, Out* out,
                      std::int64_t results, F compute) {
  const auto needed = static_cast<std::size_t>(count) * sizeof(Out) + 40;
  if (storage == nullptr) {
    bytes = needed;
    return false;
  }
  if (bytes < needed) return true;
  simt_check(storage, needed);
  simt_check(in, static_cast<std::size_t>(count) * sizeof(*in));
  simt_check(out, static_cast<std::size_t>(results) * sizeof(*out));
  paretiny::simt::Given("CUB").with(storage).with(count).with(out).note();
  std::memset(storage, 0xFF, needed);
  compute();
  return false;
}

}  // namespace cub
