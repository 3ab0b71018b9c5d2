// What of cuDNN a stream keeps: handle, descriptors and chosen algorithms. For cudnn.cpp alone.
#pragma once

#include <cudnn.h>

#include <array>
#include <map>
#include <tuple>

#include "kernels/core/cuda/cuda_stream.h"
#include "kernels/nn/cuda/libraries.h"

namespace paretiny::cuda {

/// Throws DeviceError, DeviceLost or OutOfMemory.
void check_cudnn(cudnnStatus_t status, const char* what);

struct CudnnPlan {
  bool taken = false;
  int algorithm = 0;  ///< of the pass's enumeration
  cudnnMathType_t math = CUDNN_DEFAULT_MATH;
  DType weights = DType::f32;  ///< of w or dw as cuDNN sees them: that of the activations
  std::size_t workspace = 0;

  /// Bytes of the weights' copy, if there is one.
  std::size_t copy_bytes(const nn::ConvShape& shape) const {
    return weights == DType::bf16 ? static_cast<std::size_t>(shape.weights().elements()) * 2 : 0;
  }
};

class Cudnn {
 public:
  explicit Cudnn(Stream& stream);
  ~Cudnn();
  Cudnn(const Cudnn&) = delete;
  Cudnn& operator=(const Cudnn&) = delete;

  CudnnPlan& plan(const nn::ConvShape& shape, DType activations, ConvPass pass);
  /// Sets the descriptors; false where cuDNN refuses one. What cuDNN computes with follows from the
  /// convolution's type of mathematics, so it must be the one that a plan was proposed with.
  [[nodiscard]] bool describe(const nn::ConvShape& shape, DType activations, cudnnMathType_t math);

  cudnnHandle_t handle = nullptr;
  cudnnTensorDescriptor_t input = nullptr, output = nullptr;
  cudnnFilterDescriptor_t filter = nullptr;
  cudnnConvolutionDescriptor_t convolution = nullptr;

 private:
  template <std::size_t kCount>
  using Numbers = std::array<std::int64_t, kCount>;
  using Key = std::tuple<Numbers<5>, Numbers<4>, Numbers<4>, DType, ConvPass>;

  CudnnPlan choose(const nn::ConvShape& shape, DType activations, ConvPass pass);

  std::size_t most_workspace_ = 0;
  bool wanted_ = libraries_wanted();
  std::map<Key, CudnnPlan> plans_;
};

}  // namespace paretiny::cuda
