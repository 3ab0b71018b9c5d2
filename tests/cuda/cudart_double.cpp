#include "tests/cuda/cudart_double.h"

#include <cstdlib>
#include <cstring>

namespace paretiny::cuda_double {

Runtime& runtime() {
  static Runtime the_runtime;
  return the_runtime;
}

cudaStream_t stream_here() {
  return reinterpret_cast<cudaStream_t>(&runtime().streams.at(runtime().device));
}

std::unique_ptr<Stream> fresh_stream(int device) {
  unsetenv("PARETINY_CUDA_LIBRARIES");
  runtime() = {};
  return Stream::create({DeviceKind::cuda, device});
}

namespace {

/// What a call ends with, which cudaGetLastError gives too.
cudaError_t ended(cudaError_t status) {
  if (runtime().lost) status = cudaErrorIllegalAddress;
  if (status != cudaSuccess) runtime().error = status;
  return status;
}

/// Work for the thread's device, whose stream it must be.
cudaError_t given(cudaStream_t stream) {
  return ended(stream == stream_here() ? cudaSuccess : cudaErrorInvalidResourceHandle);
}

/// A call that waits for the device, or may: while capturing it fails and spoils the capture.
cudaError_t waits() {
  if (!runtime().capturing) return ended(cudaSuccess);
  runtime().spoilt = true;
  return ended(cudaErrorStreamCaptureUnsupported);
}

}  // namespace
}  // namespace paretiny::cuda_double

using paretiny::cuda_double::ended;
using paretiny::cuda_double::given;
using paretiny::cuda_double::runtime;
using paretiny::cuda_double::waits;

cudaError_t cudaGetDeviceCount(int* count) {
  *count = runtime().devices;
  return ended(*count == 0 ? cudaErrorNoDevice : cudaSuccess);
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  *properties = {};
  std::strcpy(properties->name, "double");
  properties->major = 9;
  return ended(cudaSuccess);
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return ended(cudaSuccess);
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  *value = attribute == cudaDevAttrMaxSharedMemoryPerBlockOptin
               ? static_cast<int>(paretiny::cuda_double::kSharedLimit)
               : 132;
  return ended(cudaSuccess);
}
cudaError_t cudaSetDevice(int device) {
  runtime().device = device;
  return ended(runtime().choose);
}
cudaError_t cudaDeviceSynchronize() {
  return waits();
}
cudaError_t cudaGetLastError() {
  const cudaError_t error = runtime().lost ? cudaErrorIllegalAddress : runtime().error;
  runtime().error = cudaSuccess;
  return error;
}
cudaError_t cudaPeekAtLastError() {
  return runtime().lost ? cudaErrorIllegalAddress : runtime().error;
}
const char* cudaGetErrorName(cudaError_t) {
  return "name";
}
const char* cudaGetErrorString(cudaError_t) {
  return "a reason";
}

cudaError_t cudaMalloc(void** data, std::size_t bytes) {
  if (bytes > runtime().free.at(runtime().device)) return ended(cudaErrorMemoryAllocation);
  *data = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  return waits();
}
cudaError_t cudaFree(void* data) {
  std::free(data);
  return waits();
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *free = runtime().free.at(runtime().device);
  *total = paretiny::cuda_double::kMemory;
  return ended(cudaSuccess);
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind,
                            cudaStream_t) {
  std::memcpy(to, from, bytes);
  return ended(cudaSuccess);
}
cudaError_t cudaMemsetAsync(void* data, int value, std::size_t bytes, cudaStream_t stream) {
  std::memset(data, value, bytes);
  runtime().behind_kernel = false;
  return given(stream);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = paretiny::cuda_double::stream_here();
  return ended(cudaSuccess);
}
cudaError_t cudaStreamDestroy(cudaStream_t) {
  return ended(cudaSuccess);
}
cudaError_t cudaStreamSynchronize(cudaStream_t) {
  return waits();
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void*) {
  *attributes = {};
  attributes->sharedSizeBytes = paretiny::cuda_double::kStaticShared;
  attributes->ptxVersion = runtime().ptx_version;
  attributes->binaryVersion = 90;
  return ended(runtime().code.at(runtime().device));
}
cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute, int bytes) {
  ++runtime().attribute_calls;
  const auto wanted = static_cast<std::size_t>(bytes);
  if (wanted + paretiny::cuda_double::kStaticShared > paretiny::cuda_double::kSharedLimit) {
    return ended(cudaErrorInvalidValue);
  }
  runtime().allowed[kernel] = wanted;
  return ended(cudaSuccess);
}
cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void* kernel, void**) {
  const cudaError_t planned = runtime().next_launch;
  runtime().next_launch = cudaSuccess;
  if (planned != cudaSuccess) return ended(planned);
  const std::size_t bytes = config->dynamicSmemBytes;
  const auto allowed = runtime().allowed.find(kernel);
  if (bytes > (allowed == runtime().allowed.end() ? 48 * 1024 : allowed->second)) {
    return ended(cudaErrorInvalidValue);
  }
  bool early = false;
  for (unsigned i = 0; i < config->numAttrs; ++i) {
    const cudaLaunchAttribute& each = config->attrs[i];
    early = each.id == cudaLaunchAttributeProgrammaticStreamSerialization &&
            each.val.programmaticStreamSerializationAllowed != 0;
  }
  // An edge of a graph can be programmatic between kernels only.
  if (early && runtime().capturing && !runtime().behind_kernel) return ended(cudaErrorInvalidValue);
  runtime().behind_kernel = true;
  runtime().launches.push_back({kernel, runtime().device, bytes, early});
  if (runtime().capturing) runtime().graph.push_back(runtime().launches.back());
  return given(config->stream);
}

cudaError_t cudaStreamBeginCapture(cudaStream_t, cudaStreamCaptureMode) {
  runtime().capturing = true;
  runtime().spoilt = false;
  runtime().behind_kernel = false;
  runtime().graph.clear();
  return ended(cudaSuccess);
}
cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t* graph) {
  runtime().capturing = false;
  *graph = runtime().spoilt ? nullptr : reinterpret_cast<cudaGraph_t>(&runtime());
  return ended(runtime().spoilt ? cudaErrorStreamCaptureInvalidated : cudaSuccess);
}
/// The capture's last node stands for all of its kind.
cudaError_t cudaStreamGetCaptureInfo(cudaStream_t, cudaStreamCaptureStatus* status,
                                     unsigned long long*, cudaGraph_t*,
                                     const cudaGraphNode_t** nodes, const cudaGraphEdgeData**,
                                     std::size_t* count) {
  static const cudaGraphNode_t last = nullptr;
  const bool any = !runtime().graph.empty();
  *status = runtime().capturing ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
  *nodes = &last;
  *count = runtime().capturing && any ? 1 : 0;
  return ended(cudaSuccess);
}
cudaError_t cudaGraphNodeGetType(cudaGraphNode_t, cudaGraphNodeType* type) {
  *type = runtime().behind_kernel ? cudaGraphNodeTypeKernel : cudaGraphNodeTypeMemset;
  return ended(cudaSuccess);
}
/// Checks what the device would: each launch still has the shared memory that it asks for.
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* graph, cudaGraph_t, unsigned long long) {
  for (const auto& launch : runtime().graph) {
    const auto allowed = runtime().allowed.find(launch.kernel);
    const std::size_t most = allowed == runtime().allowed.end() ? 48 * 1024 : allowed->second;
    if (launch.shared_bytes > most) return ended(cudaErrorInvalidValue);
  }
  *graph = reinterpret_cast<cudaGraphExec_t>(&runtime());
  return ended(cudaSuccess);
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t, cudaStream_t stream) {
  ++runtime().replays;
  return given(stream);
}
cudaError_t cudaGraphDestroy(cudaGraph_t) {
  return ended(cudaSuccess);
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t) {
  return ended(cudaSuccess);
}
