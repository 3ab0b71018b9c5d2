#include <string>

#include "base/error.h"
#include "kernels/core/cuda/architectures.h"
#include "kernels/core/cuda/launch.h"

namespace paretiny::cuda {
namespace {

/// Asked for its attributes: whether this binary has code for the device.
__global__ void nothing() {}

}  // namespace

void check_architecture(const char* device, int major, int minor) {
  cudaFuncAttributes attributes{};
  const cudaError_t status =
      cudaFuncGetAttributes(&attributes, reinterpret_cast<const void*>(nothing));
  if (status == cudaSuccess) return;
  cudaGetLastError();
  if (status != cudaErrorNoKernelImageForDevice && status != cudaErrorInvalidDeviceFunction) {
    check_cuda(status, "looking for the device's code");
  }
  const std::string architecture = std::to_string(major) + std::to_string(minor);
  throw DeviceError(std::string(device) + " has compute capability " + std::to_string(major) + "." +
                    std::to_string(minor) +
                    ", which this build has no code for; configure with "
                    "-DCMAKE_CUDA_ARCHITECTURES=" +
                    architecture + ", or use --device cpu");
}

}  // namespace paretiny::cuda
