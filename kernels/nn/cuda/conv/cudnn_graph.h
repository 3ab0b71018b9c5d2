// A convolution as a graph of cuDNN's, and the engine that it runs with. Knows nothing of streams:
// plans can be made for a device that is described in words, on a machine without one.
#pragma once

#include <cudnn.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "kernels/nn/cuda/libraries.h"

namespace paretiny::cuda {

/// A descriptor of cuDNN's graph API.
class Descriptor {
 public:
  Descriptor() = default;
  /// Throws DeviceError.
  explicit Descriptor(cudnnBackendDescriptorType_t type);

  /// Each answers whether cuDNN took it.
  [[nodiscard]] bool set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                         std::int64_t count, const void* values);
  [[nodiscard]] bool set(cudnnBackendAttributeName_t name, std::span<const std::int64_t> values);
  [[nodiscard]] bool set(cudnnBackendAttributeName_t name, const Descriptor& value);
  [[nodiscard]] bool finish();

  cudnnBackendDescriptor_t get() const { return held_.get(); }
  explicit operator bool() const { return held_ != nullptr; }

 private:
  std::shared_ptr<std::remove_pointer_t<cudnnBackendDescriptor_t>> held_;
};

/// What plans are made for: the handle of a device that is there, or else a finished DEVICEPROP
/// descriptor.
struct CudnnDevice {
  cudnnHandle_t handle = nullptr;
  Descriptor properties{};
};

/// Names of the tensors in a plan: x and y, or their gradients in their places.
enum ConvTensor : std::int64_t { kInput = 'x', kWeights = 'w', kOutput = 'y' };

struct ConvPlan {
  Descriptor plan;  ///< an execution plan; none where cuDNN has no engine that may be used
  std::size_t workspace = 0;
  std::int64_t engine = -1;  ///< cuDNN's number of it
  bool tensor_cores = false;

  explicit operator bool() const { return static_cast<bool>(plan); }
};

/// The engine of cuDNN's heuristics, best first, that gives the same bits every time, sums the
/// products themselves, is compiled already and asks for no more than `most_workspace` bytes. f32
/// is computed in f32 (no TF32), bf16 on tensor cores with f32 sums; all three tensors are of the
/// activations' type.
ConvPlan plan_convolution(const CudnnDevice& device, const nn::ConvShape& shape, DType activations,
                          ConvPass pass, std::size_t most_workspace);

}  // namespace paretiny::cuda
