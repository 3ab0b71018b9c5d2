#include "kernels/nn/cuda/conv/cudnn_plan.h"

#include "base/error.h"
#include "kernels/core/cuda/launch.h"

namespace paretiny::cuda {
namespace {

/// A plan that asks for a larger share of the device's memory is not taken: workspaces count
/// against the candidate's memory. 37 channels at batch 512 ask for 83 MB; a 64th is 1.3 GB of an
/// H100. Of the memory there is, not of what is free: a candidate's result must not hang on others.
constexpr std::size_t kWorkspaceShare = 64;

}  // namespace

void check_cudnn(cudnnStatus_t status, const char* what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  // A CUDA error below it says more: memory that ran out, a device that is lost.
  check_cuda(cudaPeekAtLastError(), what);
  throw DeviceError(std::string("cuDNN: ") + what + ": " + cudnnGetErrorString(status));
}

Cudnn::Cudnn(Stream& stream) {
  const cudaStream_t ours = cuda::handle(stream);
  std::size_t free = 0, total = 0;
  check_cuda(cudaMemGetInfo(&free, &total), "asking for memory");
  most_workspace_ = total / kWorkspaceShare;
  check_cudnn(cudnnCreate(&device_.handle), "starting");
  check_cudnn(cudnnSetStream(device_.handle, ours), "taking a stream");
}

Cudnn::~Cudnn() {
  plans_.clear();
  cudnnDestroy(device_.handle);
}

ConvPlan& Cudnn::plan(const nn::ConvShape& shape, DType activations, ConvPass pass) {
  const Shape& in = shape.input;
  const nn::Window& w = shape.window;
  const Key key{{in.n, in.h, in.w, in.c, shape.out_channels},
                {w.kernel_h, w.kernel_w, w.stride_h, w.stride_w},
                {w.top, w.left, w.bottom, w.right},
                activations,
                pass};
  const auto found = plans_.find(key);
  if (found != plans_.end()) return found->second;
  ConvPlan made;
  if (wanted_) made = plan_convolution(device_, shape, activations, pass, most_workspace_);
  return plans_.emplace(key, std::move(made)).first->second;
}

}  // namespace paretiny::cuda
