// The CUDA stream behind a Stream, and the recording of work as a graph.
#pragma once

#include <cuda_runtime.h>

#include <memory>

#include "kernels/core/stream.h"

namespace paretiny::cuda {

class CudaStream : public Stream {
 public:
  explicit CudaStream(int index);
  ~CudaStream() override;

  void upload(void* device_to, const void* host_from, std::size_t bytes) override;
  void download(void* host_to, const void* device_from, std::size_t bytes) override;
  void copy(void* to, const void* from, std::size_t bytes) override;
  void zero(void* data, std::size_t bytes) override;
  void synchronize() override;
  std::unique_ptr<Recording> record(std::function<void()> work) override;

  cudaStream_t handle() const { return stream_; }
  int multiprocessors() const { return multiprocessors_; }

  /// Whether the calling thread records a step: nothing may wait for the device then.
  static bool is_recording();

 private:
  cudaStream_t stream_ = nullptr;
  int multiprocessors_ = 1;
};

}  // namespace paretiny::cuda
