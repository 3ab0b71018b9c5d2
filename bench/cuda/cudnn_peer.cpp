#include "bench/cuda/cudnn_peer.h"

#include <cudnn.h>

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "kernels/core/cuda/launch.h"

namespace paretiny::bench {
namespace {

constexpr std::size_t kWorkspace = std::size_t{512} << 20;
constexpr int kOffers = 12;

void check(cudnnStatus_t status, const char* what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  throw DeviceError(std::string("cuDNN, ") + what + ": " + cudnnGetErrorString(status));
}

/// Lives as long as the process: at its end the driver may be gone before our statics.
cudnnHandle_t library(Stream& stream) {
  static const cudnnHandle_t handle = [] {
    cudnnHandle_t made = nullptr;
    check(cudnnCreate(&made), "starting");
    return made;
  }();
  check(cudnnSetStream(handle, cuda::handle(stream)), "choosing the stream");
  return handle;
}

/// The first of a search's results, which are sorted by time, that worked within the workspace.
template <class Found>
const Found& fastest(const Found* found, int count) {
  const Found* best = std::find_if(found, found + count, [](const Found& each) {
    return each.status == CUDNN_STATUS_SUCCESS && each.memory <= kWorkspace;
  });
  if (best == found + count) throw DeviceError("cuDNN has no algorithm for this convolution");
  return *best;
}

class CudnnConvolution {
 public:
  CudnnConvolution(const Convolution& c, DType dtype, bool channels_last) {
    const cudnnDataType_t type = dtype == DType::bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
    const cudnnTensorFormat_t format = channels_last ? CUDNN_TENSOR_NHWC : CUDNN_TENSOR_NCHW;
    check(cudnnCreateTensorDescriptor(&x_), "describing a tensor");
    check(cudnnCreateTensorDescriptor(&y_), "describing a tensor");
    check(cudnnCreateFilterDescriptor(&w_), "describing a filter");
    check(cudnnCreateConvolutionDescriptor(&convolution_), "describing a convolution");
    const auto describe = [&](cudnnTensorDescriptor_t tensor, const Shape& s) {
      check(cudnnSetTensor4dDescriptor(tensor, format, type, narrow(s.n), narrow(s.c), narrow(s.h),
                                       narrow(s.w)),
            "describing a tensor");
    };
    const nn::Window& window = c.window;
    describe(x_, c.input);
    describe(y_, c.output());
    check(cudnnSetFilter4dDescriptor(w_, type, format, narrow(c.out_channels),
                                     narrow(c.input.c / c.groups), narrow(window.kernel_h),
                                     narrow(window.kernel_w)),
          "describing a filter");
    check(cudnnSetConvolution2dDescriptor(convolution_, narrow(std::max(window.top, window.bottom)),
                                          narrow(std::max(window.left, window.right)),
                                          narrow(window.stride_h), narrow(window.stride_w), 1, 1,
                                          CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT),
          "describing a convolution");
    check(cudnnSetConvolutionGroupCount(convolution_, narrow(c.groups)), "grouping");
    math(dtype == DType::bf16 ? CUDNN_TENSOR_OP_MATH : CUDNN_FMA_MATH);
  }
  ~CudnnConvolution() {
    cudnnDestroyConvolutionDescriptor(convolution_);
    cudnnDestroyFilterDescriptor(w_);
    cudnnDestroyTensorDescriptor(y_);
    cudnnDestroyTensorDescriptor(x_);
  }
  CudnnConvolution(const CudnnConvolution&) = delete;
  CudnnConvolution& operator=(const CudnnConvolution&) = delete;

  void choose(Stream& s, Direction direction, const View& x, const View& w, const View& y) {
    int count = 0;
    workspace_ = Buffer(s.device(), kWorkspace);
    const auto took = [&](const auto& best) {
      math(best.mathType);
      const std::size_t needs = best.memory;
      workspace_ = Buffer();  // before the smaller one is made
      workspace_ = Buffer(s.device(), needs);
      return best.algo;
    };
    const char* what = "searching an algorithm";
    if (direction == Direction::forward) {
      cudnnConvolutionFwdAlgoPerf_t found[kOffers];
      check(cudnnFindConvolutionForwardAlgorithmEx(library(s), x_, x.data, w_, w.data, convolution_,
                                                   y_, y.data, kOffers, &count, found,
                                                   workspace_.data(), kWorkspace),
            what);
      forward_ = took(fastest(found, count));
    } else if (direction == Direction::backward_data) {
      cudnnConvolutionBwdDataAlgoPerf_t found[kOffers];
      check(cudnnFindConvolutionBackwardDataAlgorithmEx(library(s), w_, w.data, y_, y.data,
                                                        convolution_, x_, x.data, kOffers, &count,
                                                        found, workspace_.data(), kWorkspace),
            what);
      data_ = took(fastest(found, count));
    } else {
      cudnnConvolutionBwdFilterAlgoPerf_t found[kOffers];
      check(cudnnFindConvolutionBackwardFilterAlgorithmEx(library(s), x_, x.data, y_, y.data,
                                                          convolution_, w_, w.data, kOffers, &count,
                                                          found, workspace_.data(), kWorkspace),
            what);
      weights_ = took(fastest(found, count));
    }
  }

  void run(Stream& s, Direction direction, const View& x, const View& w, const View& y) const {
    const float one = 1, zero = 0;
    if (direction == Direction::forward) {
      check(
          cudnnConvolutionForward(library(s), &one, x_, x.data, w_, w.data, convolution_, forward_,
                                  workspace_.data(), workspace_.bytes(), &zero, y_, y.data),
          "forward");
    } else if (direction == Direction::backward_data) {
      check(cudnnConvolutionBackwardData(library(s), &one, w_, w.data, y_, y.data, convolution_,
                                         data_, workspace_.data(), workspace_.bytes(), &zero, x_,
                                         x.data),
            "data gradient");
    } else {
      check(cudnnConvolutionBackwardFilter(library(s), &one, x_, x.data, y_, y.data, convolution_,
                                           weights_, workspace_.data(), workspace_.bytes(), &zero,
                                           w_, w.data),
            "weight gradient");
    }
  }

 private:
  static int narrow(std::int64_t extent) { return static_cast<int>(extent); }
  void math(cudnnMathType_t type) {
    check(cudnnSetConvolutionMathType(convolution_, type), "choosing the arithmetic");
  }

  cudnnTensorDescriptor_t x_ = nullptr, y_ = nullptr;
  cudnnFilterDescriptor_t w_ = nullptr;
  cudnnConvolutionDescriptor_t convolution_ = nullptr;
  cudnnConvolutionFwdAlgo_t forward_{};
  cudnnConvolutionBwdDataAlgo_t data_{};
  cudnnConvolutionBwdFilterAlgo_t weights_{};
  Buffer workspace_;
};

Call call_with(Stream& stream, std::size_t sets, const Convolution& c, Direction direction,
               DType dtype, bool channels_last, const SharedTensors& y) {
  const auto x = tensors(stream, sets, dtype, c.input);
  const Shape filter{c.out_channels, c.window.kernel_h, c.window.kernel_w, c.input.c / c.groups};
  const auto w = tensors(stream, sets, dtype, filter);
  const auto convolution = std::make_shared<CudnnConvolution>(c, dtype, channels_last);
  convolution->choose(stream, direction, (*x)[0], (*w)[0], (*y)[0]);
  return [=](Stream& s, std::size_t set) {
    convolution->run(s, direction, (*x)[set], (*w)[set], (*y)[set]);
  };
}

}  // namespace

Call cudnn_convolution(Stream& stream, std::size_t sets, const Convolution& c, Direction direction,
                       DType dtype, bool channels_last) {
  return call_with(stream, sets, c, direction, dtype, channels_last,
                   tensors(stream, sets, dtype, c.output()));
}

Call cudnn_forward_into(Stream& stream, std::size_t sets, const Convolution& c, DType dtype,
                        const SharedTensors& y) {
  return call_with(stream, sets, c, Direction::forward, dtype, true, y);
}

}  // namespace paretiny::bench
