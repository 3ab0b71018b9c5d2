// NVIDIA's libraries: their versions, and whether they are wanted.
#pragma once

#include <string>

namespace paretiny::cuda {

std::string cudnn_version();     ///< "cuDNN 9.13.0"
std::string cublaslt_version();  ///< "cuBLASLt 13.0.2"
/// Both, for people.
std::string library_versions();

/// False with PARETINY_CUDA_LIBRARIES=off in the environment when a stream first has work for a
/// library: then they take no job on it, and our own kernels can be tested and timed.
bool libraries_wanted();

}  // namespace paretiny::cuda
