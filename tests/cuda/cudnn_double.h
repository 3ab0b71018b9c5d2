// A double of what cuDNN's graph API offers for one convolution: it proposes the engines that a
// test gives it and computes on the CPU, with the library's rules about descriptors, types,
// alignment, workspace, streams and devices.
#pragma once

#include <cudnn.h>

#include <cstdint>
#include <string>
#include <vector>

namespace paretiny::cuda_double {

struct Engine {
  std::int64_t number = 0;
  std::vector<cudnnBackendNumericalNote_t> numerical{};
  std::vector<cudnnBackendBehaviorNote_t> behavior{};
  std::int64_t workspace = 0;
  bool plans = true;  ///< else its plan cannot be finished
  bool runs = true;   ///< else its plan is not supported when it is run
};

struct Cudnn {
  std::vector<Engine> proposed{};  ///< in mode A, best first
  std::vector<Engine> fallback{};
  cudnnStatus_t next_run = CUDNN_STATUS_SUCCESS;  ///< what the next run ends with
  int heuristics = 0, handles = 0, descriptors = 0;
  std::vector<std::int64_t> runs{};  ///< the engines that ran
  std::vector<std::string> wrong{};  ///< what the library would refuse, or compute wrongly
};

/// The one there is; set to {} between tests, when no stream lives.
Cudnn& cudnn();

}  // namespace paretiny::cuda_double
