#include "kernels/core/cuda/cuda_stream.h"

#include <mutex>
#include <set>
#include <utility>

#include "base/error.h"
#include "kernels/core/cuda/launch.h"

namespace paretiny::cuda {
namespace {

thread_local bool recording = false;

/// Runs once as given, so that libraries choose their algorithms and the scratch grows; then
/// captures and replays. Captured anew when the scratch has moved since.
class Graph : public Recording {
 public:
  Graph(CudaStream& stream, std::function<void()> work) : stream_(stream), work_(std::move(work)) {}
  ~Graph() override { forget(); }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  void run() override {
    if (!tried_) {
      work_();
      tried_ = true;
      return;
    }
    if (graph_ == nullptr || moves_ != stream_.scratch().moves()) capture();
    check_cuda(cudaGraphLaunch(graph_, cuda::handle(stream_)), "replaying a recorded step");
  }

 private:
  void capture() {
    forget();
    moves_ = stream_.scratch().moves();
    const cudaStream_t stream = stream_.handle();
    check_cuda(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal),
               "recording a step");
    cudaGraph_t captured = nullptr;
    recording = true;
    try {
      work_();
    } catch (...) {
      recording = false;
      cudaStreamEndCapture(stream, &captured);
      if (captured != nullptr) cudaGraphDestroy(captured);
      cudaGetLastError();  // that the recording was cut short; what cut it is thrown on
      check_cuda(cudaStreamSynchronize(stream), "after a step that could not be recorded");
      throw;
    }
    recording = false;
    check_cuda(cudaStreamEndCapture(stream, &captured), "recording a step");
    const cudaError_t status = cudaGraphInstantiate(&graph_, captured, 0);
    cudaGraphDestroy(captured);
    check_cuda(status, "preparing a recorded step");
  }

  void forget() {
    if (graph_ != nullptr) cudaGraphExecDestroy(graph_);
    graph_ = nullptr;
  }

  CudaStream& stream_;
  std::function<void()> work_;
  cudaGraphExec_t graph_ = nullptr;
  std::uint64_t moves_ = 0;
  bool tried_ = false;
};

}  // namespace

bool CudaStream::is_recording() {
  return recording;
}

CudaStream::CudaStream(int index) : Stream({DeviceKind::cuda, index}) {
  check_cuda(cudaSetDevice(index), "choosing the device");
  check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "making a stream");
  check_cuda(cudaDeviceGetAttribute(&multiprocessors_, cudaDevAttrMultiProcessorCount, index),
             "asking for multiprocessors");
}

CudaStream::~CudaStream() {
  cudaStreamSynchronize(stream_);
  drop_kept();  // their handles know the stream
  cudaStreamDestroy(stream_);
}

// From pageable memory CUDA returns once it has copied the bytes to memory of its own (CUDA Runtime
// API, "API synchronization behavior"); from page-locked memory it would not wait.
void CudaStream::upload(void* to, const void* from, std::size_t bytes) {
  check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_), "upload");
}

void CudaStream::download(void* to, const void* from, std::size_t bytes) {
  check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_), "download");
  synchronize();
}

void CudaStream::copy(void* to, const void* from, std::size_t bytes) {
  check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_), "copy");
}

void CudaStream::zero(void* data, std::size_t bytes) {
  check_cuda(cudaMemsetAsync(data, 0, bytes, cuda::handle(*this)), "zero");
}

void CudaStream::synchronize() {
  check_cuda(cudaStreamSynchronize(stream_), "waiting for the device");
}

std::unique_ptr<Recording> CudaStream::record(std::function<void()> work) {
  return std::make_unique<Graph>(*this, std::move(work));
}

cudaStream_t handle(Stream& stream) {
  check_cuda(cudaSetDevice(stream.device().index), "choosing the device");
  return static_cast<CudaStream&>(stream).handle();
}

int multiprocessors(Stream& stream) {
  return static_cast<CudaStream&>(stream).multiprocessors();
}

std::size_t shared_memory_limit(Stream& stream) {
  int bytes = 0;
  check_cuda(cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin,
                                    stream.device().index),
             "asking for shared memory");
  return static_cast<std::size_t>(bytes);
}

void allow_shared_memory(Stream& stream, const void* kernel, const char* name) {
  static std::mutex mutex;
  static std::set<std::pair<int, const void*>> allowed;
  const std::scoped_lock lock(mutex);
  const std::pair<int, const void*> key{stream.device().index, kernel};
  if (allowed.contains(key)) return;
  cudaFuncAttributes attributes{};
  check_cuda(cudaFuncGetAttributes(&attributes, kernel), name);
  const std::size_t most = shared_memory_limit(stream) - attributes.sharedSizeBytes;
  check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                  static_cast<int>(most)),
             name);
  allowed.insert(key);
}

}  // namespace paretiny::cuda
