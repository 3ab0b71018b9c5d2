// cuDNN's convolutions, by its graph API. Nothing but this file, cudnn_plan and cudnn_graph knows
// cuDNN.
#include <algorithm>
#include <array>
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

/// What the plans count on.
bool aligned_for_packs(std::initializer_list<const void*> tensors) {
  return std::all_of(tensors.begin(), tensors.end(), [](const void* data) {
    return reinterpret_cast<std::uintptr_t>(data) % 16 == 0;
  });
}

/// Bytes of the weights' copy: cuDNN has them in the activations' type, we have f32.
std::size_t copy_bytes(const nn::ConvShape& shape, DType activations) {
  return activations == DType::bf16 ? static_cast<std::size_t>(shape.weights().elements()) * 2 : 0;
}

/// One run of a pass: false where cuDNN declines, else scratch is held.
class Run {
 public:
  Run(Stream& stream, const nn::ConvShape& shape, DType activations, ConvPass pass,
      std::initializer_list<const void*> tensors)
      : cudnn_(cudnn_of(stream)),
        plan_(cudnn_.plan(shape, activations, pass)),
        stream_(stream),
        scratch_(stream.scratch()),
        count_(shape.weights().elements()),
        ready_(plan_ && aligned_for_packs(tensors)) {
    if (!ready_) return;
    const std::size_t bytes = copy_bytes(shape, activations);
    if (bytes > 0) copy_ = static_cast<bf16*>(scratch_.take(bytes));
    workspace_ = scratch_.take(plan_.workspace);
  }
  explicit operator bool() const { return ready_; }

  /// The weights as the plan has them.
  const void* rounded(ConstView w) {
    if (copy_ == nullptr || w.dtype == DType::bf16) return w.data;
    convert(stream_, w.as<float>(), copy_, count_);
    return copy_;
  }
  /// Where the gradient goes, and the way from there to dw.
  void* gradient(View dw) { return copy_ != nullptr ? copy_ : dw.data; }
  void widen_gradient(View dw) {
    if (copy_ != nullptr) convert(stream_, copy_, dw.as<float>(), count_);
  }

  /// False where cuDNN does not support what it proposed; it is never tried again.
  bool execute(const char* what, const void* input, const void* weights, const void* output) {
    Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    constexpr std::array<std::int64_t, 3> names = {kInput, kWeights, kOutput};
    const std::array<const void*, 3> places = {input, weights, output};
    if (!pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, names) ||
        !pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, 3, places.data()) ||
        !pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace_) ||
        !pack.finish()) {
      check_cudnn(CUDNN_STATUS_INTERNAL_ERROR, what);
    }
    const cudnnStatus_t status = cudnnBackendExecute(cudnn_.handle(), plan_.plan.get(), pack.get());
    if (status == CUDNN_STATUS_NOT_SUPPORTED) {
      plan_ = {};
    } else {
      check_cudnn(status, what);
    }
    return static_cast<bool>(plan_);
  }

 private:
  Cudnn& cudnn_;
  ConvPlan& plan_;
  Stream& stream_;
  Arena::Scope scratch_;
  std::int64_t count_;
  void* workspace_ = nullptr;
  bf16* copy_ = nullptr;
  bool ready_;
};

}  // namespace

std::optional<std::size_t> cudnn_conv_scratch_bytes(Stream& stream, const nn::ConvShape& shape,
                                                    DType activations, ConvPass pass) {
  const ConvPlan& plan = cudnn_of(stream).plan(shape, activations, pass);
  if (!plan) return std::nullopt;
  return aligned(copy_bytes(shape, activations)) + aligned(plan.workspace);
}

bool cudnn_conv_forward(Stream& stream, const nn::ConvShape& shape, ConstView x, ConstView w,
                        View y) {
  Run run(stream, shape, x.dtype, ConvPass::forward, {x.data, w.data, y.data});
  return run && run.execute("conv_forward", x.data, run.rounded(w), y.data);
}

bool cudnn_conv_backward_data(Stream& stream, const nn::ConvShape& shape, ConstView dy, ConstView w,
                              View dx) {
  Run run(stream, shape, dy.dtype, ConvPass::backward_data, {dy.data, w.data, dx.data});
  return run && run.execute("conv_backward_data", dx.data, run.rounded(w), dy.data);
}

bool cudnn_conv_backward_weights(Stream& stream, const nn::ConvShape& shape, ConstView x,
                                 ConstView dy, View dw) {
  Run run(stream, shape, x.dtype, ConvPass::backward_weights, {x.data, dy.data, dw.data});
  if (!run || !run.execute("conv_backward_weights", x.data, run.gradient(dw), dy.data)) {
    return false;
  }
  run.widen_gradient(dw);
  return true;
}

std::string cudnn_version() {
  const std::size_t version = cudnnGetVersion();
  return "cuDNN " + std::to_string(version / 10000) + "." + std::to_string(version % 10000 / 100) +
         "." + std::to_string(version % 100);
}

}  // namespace paretiny::cuda
