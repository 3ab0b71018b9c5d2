#include "kernels/cuda/libraries.h"

#include <cublasLt.h>
#include <cudnn.h>

namespace paretiny::cuda {

std::string library_versions() {
  const auto text = [](std::size_t version, std::size_t major, std::size_t minor) {
    return std::to_string(version / major) + "." + std::to_string(version % major / minor) + "." +
           std::to_string(version % minor);
  };
  return "cuDNN " + text(cudnnGetVersion(), 10000, 100) + ", cuBLASLt " +
         text(cublasLtGetVersion(), 10000, 100);
}

}  // namespace paretiny::cuda
