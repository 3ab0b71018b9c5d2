// A double of CUDA's runtime for what kernels/core/cuda calls: two devices whose memory is the
// host's, with the runtime's rules about recordings, devices and shared memory.
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "kernels/core/stream.h"

namespace paretiny::cuda_double {

inline constexpr int kDevices = 2;
inline constexpr std::size_t kMemory = std::size_t{1} << 30;
inline constexpr std::size_t kSharedLimit = 227 * 1024;
inline constexpr std::size_t kStaticShared = 1024;  ///< that every kernel has

struct Launch {
  const void* kernel = nullptr;
  int device = -1;  ///< the thread's when it was launched
  std::size_t shared_bytes = 0;
  bool early = false;  ///< may start before the kernel ahead has ended
};

struct Runtime {
  int device = 0;
  cudaError_t error = cudaSuccess;           ///< what cudaGetLastError gives
  cudaError_t next_launch = cudaSuccess;     ///< what the next launch ends with
  std::array<cudaError_t, kDevices> code{};  ///< what asking for a kernel there ends with
  cudaError_t choose = cudaSuccess;          ///< what choosing a device ends with
  int devices = kDevices;                    ///< that CUDA can see
  std::array<std::size_t, kDevices> free{kMemory, kMemory};  ///< bytes, by device
  std::array<int, kDevices> streams{};  ///< their addresses are streams of the devices
  bool lost = false;                    ///< every call fails from now on
  bool capturing = false;
  bool spoilt = false;                         ///< the capture was broken by a call that it forbids
  std::map<const void*, std::size_t> allowed;  ///< dynamic shared memory by kernel
  int attribute_calls = 0;
  std::vector<Launch> launches;  ///< also the recorded ones
  std::vector<Launch> graph;     ///< of the last capture
  bool behind_kernel = false;    ///< the capture ends in a kernel
  int ptx_version = 90;          ///< that all kernels were compiled from
  int replays = 0;
};

/// The one there is; set to {} between tests.
Runtime& runtime();

/// The stream of the thread's device.
cudaStream_t stream_here();

/// A stream of a runtime that is new, with NVIDIA's libraries, whatever the tests are run with.
std::unique_ptr<Stream> fresh_stream(int device);

inline bool aligned_to(const void* data, std::size_t bytes) {
  return reinterpret_cast<std::uintptr_t>(data) % bytes == 0;
}

}  // namespace paretiny::cuda_double
