#include "tests/cuda/cudnn_double_graph.h"

#include <algorithm>

#include "kernels/core/tensor.h"

namespace paretiny::cuda_double {
namespace {

/// What an operation calls its parts.
struct Names {
  cudnnBackendAttributeName_t window, input, weights, output, alpha, beta;
};

Names names_of(cudnnBackendDescriptorType_t operation) {
  if (operation == CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR) {
    return {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
  }
  if (operation == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR) {
    return {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
  }
  return {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
}

/// A tensor and where it is: dimensions in cuDNN's order, n c h w.
struct Operand {
  cudnnDataType_t type;
  std::vector<std::int64_t> size, stride;
  unsigned char* data = nullptr;

  explicit Operand(const Made& tensor)
      : type(tensor.value<cudnnDataType_t>(CUDNN_ATTR_TENSOR_DATA_TYPE)),
        size(tensor.list<std::int64_t>(CUDNN_ATTR_TENSOR_DIMENSIONS)),
        stride(tensor.list<std::int64_t>(CUDNN_ATTR_TENSOR_STRIDES)) {}

  std::size_t place(std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w) const {
    return static_cast<std::size_t>(n * stride[0] + c * stride[1] + h * stride[2] + w * stride[3]);
  }
  double load(std::size_t at) const {
    if (type == CUDNN_DATA_FLOAT) return reinterpret_cast<const float*>(data)[at];
    return to_float(reinterpret_cast<const bf16*>(data)[at]);
  }
  void store(std::size_t at, double value) const {
    const auto number = static_cast<float>(value);
    if (type == CUDNN_DATA_FLOAT) {
      reinterpret_cast<float*>(data)[at] = number;
    } else {
      reinterpret_cast<bf16*>(data)[at] = to_bf16(number);
    }
  }
};

struct Sizes {
  std::vector<std::int64_t> before, after, stride;
  explicit Sizes(const Made& window)
      : before(window.list<std::int64_t>(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS)),
        after(window.list<std::int64_t>(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS)),
        stride(window.list<std::int64_t>(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES)) {}
};

bool operation_fits(const Made& operation) {
  const Names names = names_of(operation.type);
  for (const auto name : {names.window, names.input, names.weights, names.output}) {
    if (!demand(operation.has(name), "an operation lacks a part")) return false;
  }
  const Operand x(operation.part(names.input)), w(operation.part(names.weights)),
      y(operation.part(names.output));
  if (x.size[0] < 1 || x.size[1] < 1) return false;  // refused, as cuDNN does
  const Sizes window(operation.part(names.window));
  bool fits = x.size[0] == y.size[0] && x.size[1] == w.size[1] && y.size[1] == w.size[0];
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t reach = x.size[i + 2] + window.before[i] + window.after[i] - w.size[i + 2];
    fits = fits && y.size[i + 2] == reach / window.stride[i] + 1;
  }
  return demand(fits, "the tensors do not fit the window") &&
         demand(x.type == y.type && x.type == w.type, "no engine takes several types") &&
         demand(operation.value<float>(names.alpha) == 1 && operation.has(names.beta) &&
                    operation.value<float>(names.beta) == 0,
                "the result is scaled or added");
}

bool tensor_fits(const Made& tensor) {
  const Operand t(tensor);
  const auto alignment = tensor.value<std::int64_t>(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT);
  return demand(t.size.size() == 4 && t.stride.size() == 4, "a tensor has not four dimensions") &&
         demand(tensor.has(CUDNN_ATTR_TENSOR_UNIQUE_ID), "a tensor has no name") &&
         demand(alignment == 16, "a tensor promises another alignment than ours") &&
         demand(t.stride[1] == 1 && t.stride[3] == t.size[1] &&
                    t.stride[2] == t.size[3] * t.stride[3] &&
                    t.stride[0] == t.size[2] * t.stride[2],
                "a tensor does not lie as ours do");
}

bool window_fits(const Made& window) {
  return demand(window.value<cudnnDataType_t>(CUDNN_ATTR_CONVOLUTION_COMP_TYPE) == CUDNN_DATA_FLOAT,
                "sums are not f32") &&
         demand(window.value<cudnnConvolutionMode_t>(CUDNN_ATTR_CONVOLUTION_CONV_MODE) ==
                    CUDNN_CROSS_CORRELATION,
                "the kernel is flipped");
}

/// Calls f(place in x, place in w, place in y) for every product.
template <class F>
void each_product(const Operand& x, const Operand& w, const Operand& y, const Sizes& window, F f) {
  for (std::int64_t n = 0; n < y.size[0]; ++n)
    for (std::int64_t o = 0; o < y.size[1]; ++o)
      for (std::int64_t oy = 0; oy < y.size[2]; ++oy)
        for (std::int64_t ox = 0; ox < y.size[3]; ++ox)
          for (std::int64_t c = 0; c < x.size[1]; ++c)
            for (std::int64_t ky = 0; ky < w.size[2]; ++ky)
              for (std::int64_t kx = 0; kx < w.size[3]; ++kx) {
                const std::int64_t iy = oy * window.stride[0] - window.before[0] + ky;
                const std::int64_t ix = ox * window.stride[1] - window.before[1] + kx;
                if (iy < 0 || iy >= x.size[2] || ix < 0 || ix >= x.size[3]) continue;
                f(x.place(n, c, iy, ix), w.place(o, c, ky, kx), y.place(n, o, oy, ox));
              }
}

void multiply(const Made& operation, const Operand& x, const Operand& w, const Operand& y) {
  const Sizes window(operation.part(names_of(operation.type).window));
  const bool forward = operation.type == CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR;
  const bool data = operation.type == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR;
  const Operand& result = forward ? y : data ? x : w;
  std::vector<double> sums(
      static_cast<std::size_t>(result.size[0] * result.size[1] * result.size[2] * result.size[3]));
  each_product(x, w, y, window, [&](std::size_t in, std::size_t weight, std::size_t out) {
    if (forward) {
      sums[out] += x.load(in) * w.load(weight);
    } else if (data) {
      sums[in] += w.load(weight) * y.load(out);
    } else {
      sums[weight] += x.load(in) * y.load(out);
    }
  });
  for (std::size_t i = 0; i < sums.size(); ++i) result.store(i, sums[i]);
}

bool aligned_as_promised(const void* data) {
  return reinterpret_cast<std::uintptr_t>(data) % 16 == 0;
}

}  // namespace

bool demand(bool right, const char* what) {
  if (!right) cudnn().wrong.emplace_back(what);
  return right;
}

bool fits(const Made& made) {
  switch (made.type) {
    case CUDNN_BACKEND_TENSOR_DESCRIPTOR:
      return tensor_fits(made);
    case CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR:
      return window_fits(made);
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR:
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR:
      return operation_fits(made);
    case CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR:
      return made.part(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG).engine.plans;
    default:
      return true;
  }
}

void compute(const Made& operation, const Places& places) {
  const Names parts = names_of(operation.type);
  std::vector<Operand> operands;  // x, w, y
  for (const auto part : {parts.input, parts.weights, parts.output}) {
    const Made& tensor = operation.part(part);
    Operand& operand = operands.emplace_back(tensor);
    const auto found = places.find(tensor.value<std::int64_t>(CUDNN_ATTR_TENSOR_UNIQUE_ID));
    if (found != places.end()) operand.data = static_cast<unsigned char*>(found->second);
    demand(operand.data != nullptr, "a tensor has no place");
    demand(aligned_as_promised(operand.data), "a tensor is not aligned as was promised");
  }
  if (cudnn().wrong.empty()) multiply(operation, operands[0], operands[1], operands[2]);
}

}  // namespace paretiny::cuda_double
