// NVIDIA's libraries, asked first where they have the op. Each function says whether it took the
// job; where it returns false our own kernel does it. The test machine of tests/simt has none.
#pragma once

#include <string>

#include "kernels/conv.h"

namespace paretiny::cuda {

/// "cuDNN 9.13.0, cuBLASLt 13.0.2".
std::string library_versions();

}  // namespace paretiny::cuda
