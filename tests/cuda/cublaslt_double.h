// A double of cuBLASLt for what cublaslt.cpp calls: products in double precision on the CPU, with
// the library's rules about types, layouts, alignment, workspace, streams and devices.
#pragma once

#include <cublasLt.h>

#include <cstddef>
#include <string>
#include <vector>

namespace paretiny::cuda_double {

/// What the double's algorithms need, less than what they may have.
inline constexpr std::size_t kProductWorkspace = 3 << 20;

struct Cublaslt {
  bool declines = false;                                ///< there is no algorithm
  cublasStatus_t next_product = CUBLAS_STATUS_SUCCESS;  ///< what the next one ends with
  int heuristics = 0, products = 0, handles = 0;
  std::vector<std::string> wrong;  ///< what the library would refuse, or compute wrongly
};

/// The one there is; set to {} between tests.
Cublaslt& cublaslt();

}  // namespace paretiny::cuda_double
