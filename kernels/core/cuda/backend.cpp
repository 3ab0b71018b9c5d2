// CUDA devices: which there are, which of them this build has code for, and their memory.
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdio>

#include "base/error.h"
#include "kernels/core/cuda/architectures.h"
#include "kernels/core/cuda/cuda_stream.h"
#include "kernels/core/cuda/launch.h"
#include "kernels/core/cuda/libraries.h"

namespace paretiny::cuda {
namespace {

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

class CudaBackend : public Backend {
 public:
  CudaBackend() { register_backend(DeviceKind::cuda, *this); }

  std::vector<DeviceInfo> devices() const override {
    int count = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess) {
      cudaGetLastError();  // it is reported by why_none, not by the next call
      return {};
    }
    std::vector<DeviceInfo> all;
    for (int index = 0; index < count; ++index) {
      cudaDeviceProp properties{};
      check_cuda(cudaGetDeviceProperties(&properties, index), "asking for a device's properties");
      all.push_back({{DeviceKind::cuda, index},
                     properties.name,
                     properties.totalGlobalMem,
                     "compute capability " + std::to_string(properties.major) + "." +
                         std::to_string(properties.minor),
                     true,
                     true});
    }
    return all;
  }

  std::string why_none() const override {
    int count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    cudaGetLastError();
    if (status == cudaErrorInsufficientDriver) {
      int driver = 0;
      cudaDriverGetVersion(&driver);
      if (driver == 0) return "no NVIDIA driver is installed";
      return "its driver is for CUDA " + version_text(driver) + ", this build needs " +
             version_text(CUDART_VERSION);
    }
    if (status == cudaSuccess && count > 0) return "";
    if (status == cudaSuccess || status == cudaErrorNoDevice) {
      return "there is no NVIDIA GPU that CUDA can see";
    }
    return std::string("CUDA cannot look for GPUs: ") + cudaGetErrorString(status) + " (" +
           cudaGetErrorName(status) + ")";
  }

  std::string libraries() const override {
    return "CUDA " + version_text(CUDART_VERSION) + ", " + library_versions();
  }

  void* allocate(int index, std::size_t bytes) override {
    check_cuda(cudaSetDevice(index), "choosing the device");
    void* data = nullptr;
    const cudaError_t status = cudaMalloc(&data, std::max<std::size_t>(bytes, 1));
    if (status == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      char text[160];
      std::snprintf(text, sizeof(text), "cannot allocate %.2f GB on %s: %.2f GB are free",
                    1e-9 * static_cast<double>(bytes),
                    to_string(Device{DeviceKind::cuda, index}).c_str(),
                    1e-9 * static_cast<double>(available(index)));
      throw OutOfMemory(text);
    }
    check_cuda(status, "allocating device memory");
    return data;
  }

  void release(int, void* data) noexcept override { cudaFree(data); }

  std::size_t available(int index) const override {
    check_cuda(cudaSetDevice(index), "choosing the device");
    std::size_t free = 0;
    std::size_t total = 0;
    check_cuda(cudaMemGetInfo(&free, &total), "asking for free memory");
    return free;
  }

  std::unique_ptr<Stream> make_stream(int index) override {
    cudaDeviceProp properties{};
    check_cuda(cudaGetDeviceProperties(&properties, index), "asking for a device's properties");
    check_cuda(cudaSetDevice(index), "choosing the device");
    check_architecture(properties.name, properties.major, properties.minor);
    return std::make_unique<CudaStream>(index);
  }
};

CudaBackend the_backend;

}  // namespace

void check_cuda(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  const std::string text =
      std::string(what) + ": " + cudaGetErrorString(status) + " (" + cudaGetErrorName(status) + ")";
  cudaGetLastError();
  if (status == cudaErrorMemoryAllocation) throw OutOfMemory(text);
  if (status == cudaErrorDevicesUnavailable) {
    throw DeviceError(text + "; another process has the GPU for itself (nvidia-smi names it)");
  }
  // While a step is recorded nothing may wait for the device: who ends the recording looks.
  if (CudaStream::is_recording()) throw DeviceError(text);
  // An error that stays after it was read has taken the device's context with it.
  if (cudaPeekAtLastError() != cudaSuccess || cudaDeviceSynchronize() != cudaSuccess) {
    throw DeviceLost(text + "; the device can do no more for this process, start it again");
  }
  throw DeviceError(text);
}

}  // namespace paretiny::cuda
