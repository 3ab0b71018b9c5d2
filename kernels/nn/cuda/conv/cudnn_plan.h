// What of cuDNN a stream keeps: its handle and the chosen plans. For cudnn.cpp alone.
#pragma once

#include <array>
#include <map>
#include <tuple>

#include "kernels/nn/cuda/conv/cudnn_graph.h"

namespace paretiny::cuda {

/// Throws DeviceError, DeviceLost or OutOfMemory.
void check_cudnn(cudnnStatus_t status, const char* what);

class Cudnn {
 public:
  explicit Cudnn(Stream& stream);
  ~Cudnn();
  Cudnn(const Cudnn&) = delete;
  Cudnn& operator=(const Cudnn&) = delete;

  /// The plan of a pass, none where our own kernels are to do it. Changing it to none stays.
  ConvPlan& plan(const nn::ConvShape& shape, DType activations, ConvPass pass);
  cudnnHandle_t handle() const { return device_.handle; }

 private:
  template <std::size_t kCount>
  using Numbers = std::array<std::int64_t, kCount>;
  using Key = std::tuple<Numbers<5>, Numbers<4>, Numbers<4>, DType, ConvPass>;

  CudnnDevice device_;
  std::size_t most_workspace_ = 0;
  bool wanted_ = libraries_wanted();
  std::map<Key, ConvPlan> plans_;
};

}  // namespace paretiny::cuda
