#include "kernels/core/cuda/dependent_launch.h"

#include <map>
#include <mutex>
#include <utility>

#include "kernels/core/cuda/cuda_stream.h"
#include "kernels/core/cuda/variants.h"

namespace paretiny::cuda {
namespace {

/// Whether what the device runs of a kernel was compiled from PTX that has the wait: code for older
/// devices, compiled anew by the driver, has not.
bool can_wait(Stream& stream, const void* kernel, const char* name) {
  static std::mutex mutex;
  static std::map<std::pair<int, const void*>, bool> known;
  const std::scoped_lock lock(mutex);
  const auto [found, unknown] = known.try_emplace({stream.device().index, kernel}, false);
  if (unknown) {
    cudaFuncAttributes attributes{};
    check_cuda(cudaFuncGetAttributes(&attributes, kernel), name);
    found->second = attributes.ptxVersion >= 90 && attributes.binaryVersion >= 90;
  }
  return found->second;
}

/// Whether the recorded stream ends in one kernel: edges of a graph can be programmatic between
/// kernels only.
bool behind_a_kernel(cudaStream_t stream, const char* name) {
#if CUDART_VERSION >= 13000
  cudaStreamCaptureStatus status{};
  const cudaGraphNode_t* nodes = nullptr;
  const cudaGraphEdgeData* edges = nullptr;
  std::size_t count = 0;
  check_cuda(cudaStreamGetCaptureInfo(stream, &status, nullptr, nullptr, &nodes, &edges, &count),
             name);
  if (status != cudaStreamCaptureStatusActive || count != 1) return false;
  cudaGraphNodeType type{};
  check_cuda(cudaGraphNodeGetType(nodes[0], &type), name);
  return type == cudaGraphNodeTypeKernel;
#else
  static_cast<void>(stream);
  static_cast<void>(name);
  return false;
#endif
}

}  // namespace

void launch_waiting(Stream& stream, const char* name, const void* kernel, const LaunchShape& shape,
                    std::span<void*> arguments) {
  cudaLaunchAttribute early{};
  early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  early.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = shape.blocks;
  config.blockDim = shape.threads;
  config.dynamicSmemBytes = shape.shared_bytes;
  config.stream = handle(stream);
  if (shape.shared_bytes > 0) allow_shared_memory(stream, kernel, name);
  if (variant_of(Choice::launch) == Variant::dependent && CudaStream::is_recording() &&
      can_wait(stream, kernel, name) && behind_a_kernel(config.stream, name)) {
    config.attrs = &early;
    config.numAttrs = 1;
  }
  check_cuda(cudaLaunchKernelExC(&config, kernel, arguments.data()), name);
}

}  // namespace paretiny::cuda
