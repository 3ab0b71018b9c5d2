// cuDNN's convolutions, by its convolution API (not the graph one: a fixed set of algorithms, each
// documented as deterministic or not). Nothing else knows cuDNN.
#include <cudnn.h>

#include <array>
#include <limits>
#include <map>
#include <tuple>

#include "kernels/cuda/convert.h"
#include "kernels/cuda/cuda_stream.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/libraries.h"
#include "kernels/error.h"

namespace paretiny::cuda {
namespace {

constexpr std::size_t kMostWorkspace = std::size_t{64} << 20;
constexpr int kMostAlgorithms = 16;  ///< more than cuDNN has for any pass

void check_cudnn(cudnnStatus_t status, const char* what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  // A CUDA error below it says more: memory that ran out, a device that is lost.
  check_cuda(cudaPeekAtLastError(), what);
  throw DeviceError(std::string("cuDNN: ") + what + ": " + cudnnGetErrorString(status));
}

cudnnDataType_t type_of(DType dtype) {
  return dtype == DType::bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
}

struct Plan {
  bool taken = false;
  int algorithm = 0;  ///< of the pass's enumeration
  cudnnMathType_t math = CUDNN_DEFAULT_MATH;
  DType weights = DType::f32;  ///< of w or dw as cuDNN sees them
  std::size_t workspace = 0;

  /// Bytes of the weights' copy, if there is one.
  std::size_t copy_bytes(const ConvShape& shape) const {
    return weights == DType::bf16 ? static_cast<std::size_t>(shape.weights().elements()) * 2 : 0;
  }
};

template <std::size_t kCount>
using Numbers = std::array<std::int64_t, kCount>;
using PlanKey = std::tuple<Numbers<5>, Numbers<4>, Numbers<4>, DType, ConvPass>;

/// A stream's handle, descriptors and plans.
class Cudnn {
 public:
  explicit Cudnn(CudaStream& stream) {
    check_cuda(cudaSetDevice(stream.device().index), "choosing the device");
    check_cudnn(cudnnCreate(&handle), "starting");
    check_cudnn(cudnnSetStream(handle, stream.handle()), "taking a stream");
    check_cudnn(cudnnCreateTensorDescriptor(&input), "describing a tensor");
    check_cudnn(cudnnCreateTensorDescriptor(&output), "describing a tensor");
    check_cudnn(cudnnCreateFilterDescriptor(&filter), "describing weights");
    check_cudnn(cudnnCreateConvolutionDescriptor(&convolution), "describing a convolution");
  }
  ~Cudnn() {
    cudnnDestroyConvolutionDescriptor(convolution);
    cudnnDestroyFilterDescriptor(filter);
    cudnnDestroyTensorDescriptor(output);
    cudnnDestroyTensorDescriptor(input);
    cudnnDestroy(handle);
  }
  Cudnn(const Cudnn&) = delete;
  Cudnn& operator=(const Cudnn&) = delete;

  Plan& plan(const ConvShape& shape, DType activations, ConvPass pass);
  /// Sets the descriptors; false where cuDNN refuses one.
  bool describe(const ConvShape& shape, DType activations, DType weights, cudnnMathType_t math);

  cudnnHandle_t handle = nullptr;
  cudnnTensorDescriptor_t input = nullptr, output = nullptr;
  cudnnFilterDescriptor_t filter = nullptr;
  cudnnConvolutionDescriptor_t convolution = nullptr;

 private:
  Plan choose(const ConvShape& shape, DType activations, ConvPass pass);

  bool wanted_ = libraries_wanted();
  std::map<PlanKey, Plan> plans_;
};

/// cuDNN pads the bottom as the top and the right as the left. That is our window where it gives as
/// many outputs: what lies beyond is never read. "Same" padding at stride 2 has none above and one
/// below; a copy of x with a border would carry it through memory twice more (and dx likewise)
/// where our own kernel reads it once, so that those go there.
bool pads_alike(const ConvShape& shape) {
  Window even = shape.window;
  even.bottom = even.top;
  even.right = even.left;
  const Shape& in = shape.input;
  return even.valid(in.h, in.w) && even.out_h(in.h) == shape.window.out_h(in.h) &&
         even.out_w(in.w) == shape.window.out_w(in.w);
}

bool Cudnn::describe(const ConvShape& shape, DType activations, DType weights,
                     cudnnMathType_t math) {
  const auto number = [](std::int64_t x) { return static_cast<int>(x); };
  const auto set = [&](cudnnTensorDescriptor_t tensor, const Shape& s) {
    return cudnnSetTensor4dDescriptor(tensor, CUDNN_TENSOR_NHWC, type_of(activations), number(s.n),
                                      number(s.c), number(s.h),
                                      number(s.w)) == CUDNN_STATUS_SUCCESS;
  };
  const Shape w = shape.weights();
  const Window& window = shape.window;
  return set(input, shape.input) && set(output, shape.output()) &&
         cudnnSetFilter4dDescriptor(filter, type_of(weights), CUDNN_TENSOR_NHWC, number(w.n),
                                    number(w.c), number(w.h),
                                    number(w.w)) == CUDNN_STATUS_SUCCESS &&
         cudnnSetConvolution2dDescriptor(convolution, number(window.top), number(window.left),
                                         number(window.stride_h), number(window.stride_w), 1, 1,
                                         CUDNN_CROSS_CORRELATION,
                                         CUDNN_DATA_FLOAT) == CUDNN_STATUS_SUCCESS &&
         cudnnSetConvolutionMathType(convolution, math) == CUDNN_STATUS_SUCCESS;
}

/// The first of cuDNN's proposals, best first, that keeps our promises; `bytes(algorithm, &size)`
/// asks for its workspace.
template <class Proposal, class Ask, class Bytes>
void take_first(Plan& plan, cudnnMathType_t math, Ask ask, Bytes bytes) {
  std::array<Proposal, kMostAlgorithms> proposals;
  int count = 0;
  if (ask(kMostAlgorithms, &count, proposals.data()) != CUDNN_STATUS_SUCCESS) return;
  for (int i = 0; i < count && !plan.taken; ++i) {
    const Proposal& proposal = proposals[static_cast<std::size_t>(i)];
    if (proposal.status != CUDNN_STATUS_SUCCESS) continue;
    if (proposal.determinism != CUDNN_DETERMINISTIC) continue;
    // In f32 any other kind of arithmetic may be TF32.
    if (math == CUDNN_FMA_MATH && proposal.mathType != CUDNN_FMA_MATH) continue;
    std::size_t workspace = 0;
    if (bytes(proposal.algo, &workspace) != CUDNN_STATUS_SUCCESS) continue;
    if (workspace > kMostWorkspace) continue;
    plan.taken = true;
    plan.algorithm = static_cast<int>(proposal.algo);
    plan.math = proposal.mathType;
    plan.workspace = workspace;
  }
}

Plan Cudnn::choose(const ConvShape& shape, DType activations, ConvPass pass) {
  const std::int64_t most = std::numeric_limits<int>::max();
  if (!wanted_ || !pads_alike(shape) || shape.input.elements() > most ||
      shape.output().elements() > most || shape.weights().elements() > most) {
    return {};
  }
  const cudnnMathType_t math = activations == DType::bf16 ? CUDNN_TENSOR_OP_MATH : CUDNN_FMA_MATH;
  const auto with_weights = [&](DType weights) {
    Plan plan;
    plan.weights = weights;
    if (!describe(shape, activations, weights, math)) return plan;
    const auto choose_from = [&]<class Proposal>(Proposal, auto ask, auto bytes, auto... tensors) {
      take_first<Proposal>(
          plan, math,
          [&](int most_wanted, int* count, Proposal* proposals) {
            return ask(handle, tensors..., most_wanted, count, proposals);
          },
          [&](auto algorithm, std::size_t* size) {
            return bytes(handle, tensors..., algorithm, size);
          });
    };
    switch (pass) {
      case ConvPass::forward:
        choose_from(cudnnConvolutionFwdAlgoPerf_t{}, cudnnGetConvolutionForwardAlgorithm_v7,
                    cudnnGetConvolutionForwardWorkspaceSize, input, filter, convolution, output);
        break;
      case ConvPass::backward_data:
        choose_from(
            cudnnConvolutionBwdDataAlgoPerf_t{}, cudnnGetConvolutionBackwardDataAlgorithm_v7,
            cudnnGetConvolutionBackwardDataWorkspaceSize, filter, output, convolution, input);
        break;
      case ConvPass::backward_weights:
        choose_from(
            cudnnConvolutionBwdFilterAlgoPerf_t{}, cudnnGetConvolutionBackwardFilterAlgorithm_v7,
            cudnnGetConvolutionBackwardFilterWorkspaceSize, input, output, convolution, filter);
        break;
    }
    return plan;
  };
  // Gradients of weights are f32; bf16 inputs with an f32 output may or may not be there.
  if (pass == ConvPass::backward_weights && activations == DType::bf16) {
    const Plan exact = with_weights(DType::f32);
    if (exact.taken) return exact;
  }
  return with_weights(activations);
}

Plan& Cudnn::plan(const ConvShape& shape, DType activations, ConvPass pass) {
  const Shape& in = shape.input;
  const Window& w = shape.window;
  const PlanKey key{{in.n, in.h, in.w, in.c, shape.out_channels},
                    {w.kernel_h, w.kernel_w, w.stride_h, w.stride_w},
                    {w.top, w.left, w.bottom, w.right},
                    activations,
                    pass};
  const auto found = plans_.find(key);
  if (found != plans_.end()) return found->second;
  return plans_.emplace(key, choose(shape, activations, pass)).first->second;
}

Cudnn& cudnn_of(Stream& stream) {
  return static_cast<CudaStream&>(stream).library<Cudnn>();
}

/// One run of a pass: false where cuDNN declines, else descriptors are set and scratch is held.
class Run {
 public:
  Run(Stream& stream, const ConvShape& shape, DType activations, ConvPass pass)
      : cudnn(cudnn_of(stream)),
        plan(cudnn.plan(shape, activations, pass)),
        stream_(stream),
        scratch_(stream.scratch()),
        count_(shape.weights().elements()),
        ready_(plan.taken && cudnn.describe(shape, activations, plan.weights, plan.math)) {
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
  Plan& plan;
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

std::optional<std::size_t> cudnn_conv_scratch_bytes(Stream& stream, const ConvShape& shape,
                                                    DType activations, ConvPass pass) {
  const Plan& plan = cudnn_of(stream).plan(shape, activations, pass);
  if (!plan.taken) return std::nullopt;
  return aligned(plan.copy_bytes(shape)) + aligned(plan.workspace);
}

bool cudnn_conv_forward(Stream& stream, const ConvShape& shape, ConstView x, ConstView w, View y) {
  Run run(stream, shape, x.dtype, ConvPass::forward);
  if (!run) return false;
  const Cudnn& c = run.cudnn;
  const auto algorithm = static_cast<cudnnConvolutionFwdAlgo_t>(run.plan.algorithm);
  return run.accepted(cudnnConvolutionForward(
                          c.handle, &kOne, c.input, x.data, c.filter, run.rounded(w), c.convolution,
                          algorithm, run.workspace, run.plan.workspace, &kZero, c.output, y.data),
                      "conv_forward");
}

bool cudnn_conv_backward_data(Stream& stream, const ConvShape& shape, ConstView dy, ConstView w,
                              View dx) {
  Run run(stream, shape, dy.dtype, ConvPass::backward_data);
  if (!run) return false;
  const Cudnn& c = run.cudnn;
  const auto algorithm = static_cast<cudnnConvolutionBwdDataAlgo_t>(run.plan.algorithm);
  return run.accepted(
      cudnnConvolutionBackwardData(c.handle, &kOne, c.filter, run.rounded(w), c.output, dy.data,
                                   c.convolution, algorithm, run.workspace, run.plan.workspace,
                                   &kZero, c.input, dx.data),
      "conv_backward_data");
}

bool cudnn_conv_backward_weights(Stream& stream, const ConvShape& shape, ConstView x, ConstView dy,
                                 View dw) {
  Run run(stream, shape, x.dtype, ConvPass::backward_weights);
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
