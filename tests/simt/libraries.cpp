// NVIDIA's libraries (kernels/cuda/libraries.h) on the SIMT twin: there are none, so that our own
// kernels do every job.
#include "kernels/cuda/libraries.h"

namespace paretiny::cuda {

std::string library_versions() {
  return "no libraries";
}

}  // namespace paretiny::cuda
