#include "kernels/core/cuda/libraries.h"

#include <cstdlib>
#include <string_view>

namespace paretiny::cuda {

std::string library_versions() {
  return cudnn_version() + ", " + cublaslt_version();
}

bool libraries_wanted() {
  const char* wish = std::getenv("PARETINY_CUDA_LIBRARIES");
  return wish == nullptr || std::string_view(wish) != "off";
}

}  // namespace paretiny::cuda
