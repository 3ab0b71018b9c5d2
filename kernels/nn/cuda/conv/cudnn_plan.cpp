// Which of cuDNN's algorithms a convolution runs with, if any.
#include "kernels/nn/cuda/conv/cudnn_plan.h"

#include <limits>

#include "base/error.h"
#include "kernels/core/cuda/launch.h"

namespace paretiny::cuda {
namespace {

/// An algorithm that asks for a larger share of the device's memory is not taken: workspaces count
/// against the candidate's memory. 37 channels at batch 512 ask for 83 MB; a 64th is 1.3 GB of an
/// H100. Of the memory there is, not of what is free: a candidate's result must not hang on others.
constexpr std::size_t kWorkspaceShare = 64;
constexpr int kMostAlgorithms = 16;  ///< more than cuDNN has for any pass

cudnnDataType_t type_of(DType dtype) {
  return dtype == DType::bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
}

/// What is asked for: f32 in exact multiply-adds, not TF32.
cudnnMathType_t math_of(DType activations) {
  return activations == DType::bf16 ? CUDNN_TENSOR_OP_MATH : CUDNN_FMA_MATH;
}

/// Whether a proposal computes as wanted. f32 must be exact; bf16 has kernels of tensor cores,
/// under whatever name, and exact ones, which are slower than our own.
bool computes(cudnnMathType_t proposed, DType activations) {
  const bool on_tensor_cores =
      proposed == CUDNN_TENSOR_OP_MATH || proposed == CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION;
  return activations == DType::f32 ? !on_tensor_cores : proposed != CUDNN_FMA_MATH;
}

/// cuDNN pads the bottom as the top and the right as the left. That is our window where it gives as
/// many outputs: what lies beyond is never read. "Same" padding at stride 2 has none above and one
/// below; a copy of x with a border would carry it through memory twice more (and dx likewise)
/// where our own kernel reads it once, so that those go there.
bool pads_alike(const nn::ConvShape& shape) {
  nn::Window even = shape.window;
  even.bottom = even.top;
  even.right = even.left;
  const Shape& in = shape.input;
  return even.valid(in.h, in.w) && even.out_h(in.h) == shape.window.out_h(in.h) &&
         even.out_w(in.w) == shape.window.out_w(in.w);
}

/// Sums the products themselves: transforms (Winograd, Fourier) round otherwise.
bool is_direct(cudnnConvolutionFwdAlgo_t algorithm) {
  return algorithm == CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM ||
         algorithm == CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM ||
         algorithm == CUDNN_CONVOLUTION_FWD_ALGO_GEMM;
}
bool is_direct(cudnnConvolutionBwdDataAlgo_t algorithm) {
  return algorithm == CUDNN_CONVOLUTION_BWD_DATA_ALGO_0 ||
         algorithm == CUDNN_CONVOLUTION_BWD_DATA_ALGO_1;
}
bool is_direct(cudnnConvolutionBwdFilterAlgo_t algorithm) {
  return algorithm == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0 ||
         algorithm == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1 ||
         algorithm == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_3;
}

/// The first of cuDNN's proposals, best first, that keeps our promises. `ask` fills in proposals,
/// `bytes` asks for an algorithm's workspace, both of the `operands`, with `convolution` among
/// them.
template <class Proposal, class Ask, class Bytes, class... Operands>
void take_first(CudnnPlan& plan, std::size_t most_workspace,
                cudnnConvolutionDescriptor_t convolution, Ask ask, Bytes bytes,
                Operands... operands) {
  std::array<Proposal, kMostAlgorithms> proposals;
  int count = 0;
  if (ask(operands..., kMostAlgorithms, &count, proposals.data()) != CUDNN_STATUS_SUCCESS) return;
  for (int i = 0; i < count && !plan.taken; ++i) {
    const Proposal& proposal = proposals[static_cast<std::size_t>(i)];
    // The default would let f32 be TF32.
    const cudnnMathType_t math = plan.weights == DType::f32 ? CUDNN_FMA_MATH : proposal.mathType;
    std::size_t workspace = 0;
    if (proposal.status != CUDNN_STATUS_SUCCESS || proposal.determinism != CUDNN_DETERMINISTIC ||
        !computes(proposal.mathType, plan.weights) || !is_direct(proposal.algo) ||
        cudnnSetConvolutionMathType(convolution, math) != CUDNN_STATUS_SUCCESS ||
        bytes(operands..., proposal.algo, &workspace) != CUDNN_STATUS_SUCCESS ||
        workspace > most_workspace) {
      continue;
    }
    plan.taken = true;
    plan.algorithm = static_cast<int>(proposal.algo);
    plan.math = math;
    plan.workspace = workspace;
  }
}

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
  check_cudnn(cudnnCreate(&handle), "starting");
  check_cudnn(cudnnSetStream(handle, ours), "taking a stream");
  check_cudnn(cudnnCreateTensorDescriptor(&input), "describing a tensor");
  check_cudnn(cudnnCreateTensorDescriptor(&output), "describing a tensor");
  check_cudnn(cudnnCreateFilterDescriptor(&filter), "describing weights");
  check_cudnn(cudnnCreateConvolutionDescriptor(&convolution), "describing a convolution");
}

Cudnn::~Cudnn() {
  cudnnDestroyConvolutionDescriptor(convolution);
  cudnnDestroyFilterDescriptor(filter);
  cudnnDestroyTensorDescriptor(output);
  cudnnDestroyTensorDescriptor(input);
  cudnnDestroy(handle);
}

bool Cudnn::describe(const nn::ConvShape& shape, DType activations, cudnnMathType_t math) {
  const auto number = [](std::int64_t x) { return static_cast<int>(x); };
  const auto done = [](cudnnStatus_t status) { return status == CUDNN_STATUS_SUCCESS; };
  const auto set = [&](cudnnTensorDescriptor_t tensor, const Shape& s) {
    return done(cudnnSetTensor4dDescriptor(tensor, CUDNN_TENSOR_NHWC, type_of(activations),
                                           number(s.n), number(s.c), number(s.h), number(s.w)));
  };
  const Shape w = shape.weights();
  const nn::Window& window = shape.window;
  return set(input, shape.input) && set(output, shape.output()) &&
         done(cudnnSetFilter4dDescriptor(filter, type_of(activations), CUDNN_TENSOR_NHWC,
                                         number(w.n), number(w.c), number(w.h), number(w.w))) &&
         done(cudnnSetConvolution2dDescriptor(convolution, number(window.top), number(window.left),
                                              number(window.stride_h), number(window.stride_w), 1,
                                              1, CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT)) &&
         done(cudnnSetConvolutionMathType(convolution, math));
}

CudnnPlan Cudnn::choose(const nn::ConvShape& shape, DType activations, ConvPass pass) {
  const std::int64_t most = std::numeric_limits<int>::max();
  if (!wanted_ || !pads_alike(shape) || shape.input.elements() > most ||
      shape.output().elements() > most || shape.weights().elements() > most) {
    return {};
  }
  CudnnPlan plan;
  // Also of gradients: no engine takes bf16 in and gives f32 weights.
  plan.weights = activations;
  if (!describe(shape, activations, math_of(activations))) return plan;
  switch (pass) {
    case ConvPass::forward:
      take_first<cudnnConvolutionFwdAlgoPerf_t>(
          plan, most_workspace_, convolution, cudnnGetConvolutionForwardAlgorithm_v7,
          cudnnGetConvolutionForwardWorkspaceSize, handle, input, filter, convolution, output);
      break;
    case ConvPass::backward_data:
      take_first<cudnnConvolutionBwdDataAlgoPerf_t>(
          plan, most_workspace_, convolution, cudnnGetConvolutionBackwardDataAlgorithm_v7,
          cudnnGetConvolutionBackwardDataWorkspaceSize, handle, filter, output, convolution, input);
      break;
    case ConvPass::backward_weights:
      take_first<cudnnConvolutionBwdFilterAlgoPerf_t>(
          plan, most_workspace_, convolution, cudnnGetConvolutionBackwardFilterAlgorithm_v7,
          cudnnGetConvolutionBackwardFilterWorkspaceSize, handle, input, output, convolution,
          filter);
      break;
  }
  return plan;
}

CudnnPlan& Cudnn::plan(const nn::ConvShape& shape, DType activations, ConvPass pass) {
  const Shape& in = shape.input;
  const nn::Window& w = shape.window;
  const Key key{{in.n, in.h, in.w, in.c, shape.out_channels},
                {w.kernel_h, w.kernel_w, w.stride_h, w.stride_w},
                {w.top, w.left, w.bottom, w.right},
                activations,
                pass};
  const auto found = plans_.find(key);
  if (found != plans_.end()) return found->second;
  return plans_.emplace(key, choose(shape, activations, pass)).first->second;
}

}  // namespace paretiny::cuda
