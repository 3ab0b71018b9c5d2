// cuDNN's convolutions, by its convolution API (not the graph one: a fixed set of algorithms, each
// documented as deterministic or not). Nothing but this file and cudnn_plan knows cuDNN.
#include <algorithm>
#include <cstdint>

#include "kernels/core/cuda/launch.h"
#include "kernels/nn/cuda/conv/cudnn_plan.h"
#include "kernels/nn/cuda/convert.h"

namespace paretiny::cuda {
namespace {

Cudnn& cudnn_of(Stream& stream) {
  handle(stream);  // the library works on the thread's current device
  return stream.keep<Cudnn>();
}

/// What cuDNN's kernels count on.
bool aligned_for_packs(std::initializer_list<const void*> tensors) {
  return std::all_of(tensors.begin(), tensors.end(), [](const void* data) {
    return reinterpret_cast<std::uintptr_t>(data) % 16 == 0;
  });
}

/// One run of a pass: false where cuDNN declines, else descriptors are set and scratch is held.
class Run {
 public:
  Run(Stream& stream, const nn::ConvShape& shape, DType activations, ConvPass pass,
      std::initializer_list<const void*> tensors)
      : cudnn(cudnn_of(stream)),
        plan(cudnn.plan(shape, activations, pass)),
        stream_(stream),
        scratch_(stream.scratch()),
        count_(shape.weights().elements()),
        ready_(plan.taken && aligned_for_packs(tensors) &&
               cudnn.describe(shape, activations, plan.math)) {
    if (!ready_) return;
    if (plan.weights == DType::bf16)
      copy_ = static_cast<bf16*>(scratch_.take(plan.copy_bytes(shape)));
    workspace = scratch_.take(plan.workspace);
  }
  explicit operator bool() const { return ready_; }

  /// The weights as the plan has them.
  const void* rounded(ConstView w) {
    if (copy_ == nullptr) return w.data;
    convert(stream_, w.as<float>(), copy_, count_);
    return copy_;
  }
  /// Where the gradient goes, and the way from there to dw.
  void* gradient(View dw) { return copy_ != nullptr ? copy_ : dw.data; }
  void widen_gradient(View dw) {
    if (copy_ != nullptr) convert(stream_, copy_, dw.as<float>(), count_);
  }

  /// What the library said. What it proposed and then does not support is never tried again.
  bool accepted(cudnnStatus_t status, const char* what) {
    if (status == CUDNN_STATUS_NOT_SUPPORTED) plan = {};
    if (status != CUDNN_STATUS_NOT_SUPPORTED) check_cudnn(status, what);
    return plan.taken;
  }

  Cudnn& cudnn;
  CudnnPlan& plan;
  void* workspace = nullptr;

 private:
  Stream& stream_;
  Arena::Scope scratch_;
  std::int64_t count_;
  bf16* copy_ = nullptr;
  bool ready_;
};

constexpr float kOne = 1;
constexpr float kZero = 0;

}  // namespace

std::optional<std::size_t> cudnn_conv_scratch_bytes(Stream& stream, const nn::ConvShape& shape,
                                                    DType activations, ConvPass pass) {
  const CudnnPlan& plan = cudnn_of(stream).plan(shape, activations, pass);
  if (!plan.taken) return std::nullopt;
  return aligned(plan.copy_bytes(shape)) + aligned(plan.workspace);
}

bool cudnn_conv_forward(Stream& stream, const nn::ConvShape& shape, ConstView x, ConstView w,
                        View y) {
  Run run(stream, shape, x.dtype, ConvPass::forward, {x.data, w.data, y.data});
  if (!run) return false;
  const Cudnn& c = run.cudnn;
  const auto algorithm = static_cast<cudnnConvolutionFwdAlgo_t>(run.plan.algorithm);
  return run.accepted(cudnnConvolutionForward(
                          c.handle, &kOne, c.input, x.data, c.filter, run.rounded(w), c.convolution,
                          algorithm, run.workspace, run.plan.workspace, &kZero, c.output, y.data),
                      "conv_forward");
}

bool cudnn_conv_backward_data(Stream& stream, const nn::ConvShape& shape, ConstView dy, ConstView w,
                              View dx) {
  Run run(stream, shape, dy.dtype, ConvPass::backward_data, {dy.data, w.data, dx.data});
  if (!run) return false;
  const Cudnn& c = run.cudnn;
  const auto algorithm = static_cast<cudnnConvolutionBwdDataAlgo_t>(run.plan.algorithm);
  return run.accepted(
      cudnnConvolutionBackwardData(c.handle, &kOne, c.filter, run.rounded(w), c.output, dy.data,
                                   c.convolution, algorithm, run.workspace, run.plan.workspace,
                                   &kZero, c.input, dx.data),
      "conv_backward_data");
}

bool cudnn_conv_backward_weights(Stream& stream, const nn::ConvShape& shape, ConstView x,
                                 ConstView dy, View dw) {
  Run run(stream, shape, x.dtype, ConvPass::backward_weights, {x.data, dy.data, dw.data});
  if (!run) return false;
  const Cudnn& c = run.cudnn;
  const auto algorithm = static_cast<cudnnConvolutionBwdFilterAlgo_t>(run.plan.algorithm);
  const bool accepted = run.accepted(
      cudnnConvolutionBackwardFilter(c.handle, &kOne, c.input, x.data, c.output, dy.data,
                                     c.convolution, algorithm, run.workspace, run.plan.workspace,
                                     &kZero, c.filter, run.gradient(dw)),
      "conv_backward_weights");
  if (accepted) run.widen_gradient(dw);
  return accepted;
}

std::string cudnn_version() {
  const std::size_t version = cudnnGetVersion();
  return "cuDNN " + std::to_string(version / 10000) + "." + std::to_string(version % 10000 / 100) +
         "." + std::to_string(version % 100);
}

}  // namespace paretiny::cuda
