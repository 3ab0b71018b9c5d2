#include "bench/cuda/cublaslt_peer.h"

#include <cublasLt.h>

#include <limits>
#include <memory>

#include "base/error.h"
#include "kernels/core/cuda/launch.h"

namespace paretiny::bench {
namespace {

constexpr std::size_t kWorkspace = std::size_t{64} << 20;

void check(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw DeviceError(std::string("cuBLASLt, ") + what + ": " + cublasLtGetStatusString(status));
}

/// Lives as long as the process: at its end the driver may be gone before our statics.
cublasLtHandle_t library() {
  static const cublasLtHandle_t handle = [] {
    cublasLtHandle_t made = nullptr;
    check(cublasLtCreate(&made), "starting");
    return made;
  }();
  return handle;
}

cudaDataType_t type_of(DType dtype) {
  switch (dtype) {
    case DType::bf16:
      return CUDA_R_16BF;
    case DType::i8:
      return CUDA_R_8I;
    case DType::i32:
      return CUDA_R_32I;
    default:
      return CUDA_R_32F;
  }
}

/// A matrix as BLAS sees it: column-major, rows x columns before `transposed`.
struct Matrix {
  DType dtype;
  std::int64_t rows, columns;
  bool transposed = false;
};

/// c = op(a) op(b) in column-major order.
class Product {
 public:
  Product(const Matrix& a, const Matrix& b, const Matrix& c) : integer_(a.dtype == DType::i8) {
    const cudaDataType_t scale = integer_ ? CUDA_R_32I : CUDA_R_32F;
    check(cublasLtMatmulDescCreate(&product_, integer_ ? CUBLAS_COMPUTE_32I : CUBLAS_COMPUTE_32F,
                                   scale),
          "describing a product");
    set(CUBLASLT_MATMUL_DESC_TRANSA, a.transposed);
    set(CUBLASLT_MATMUL_DESC_TRANSB, b.transposed);
    describe(a_, a);
    describe(b_, b);
    describe(c_, c);
  }
  ~Product() {
    for (cublasLtMatrixLayout_t layout : {a_, b_, c_}) cublasLtMatrixLayoutDestroy(layout);
    cublasLtMatmulDescDestroy(product_);
  }
  Product(const Product&) = delete;
  Product& operator=(const Product&) = delete;

  /// Times what the heuristic offers and keeps the fastest. Throws DeviceError when there is none.
  void choose(Stream& stream, const View& a, const View& b, const View& c) {
    workspace_ = Buffer(stream.device(), kWorkspace);
    cublasLtMatmulPreference_t preference = nullptr;
    check(cublasLtMatmulPreferenceCreate(&preference), "asking for algorithms");
    const std::size_t most = kWorkspace;
    cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                         &most, sizeof(most));
    constexpr int kOffers = 8;
    cublasLtMatmulHeuristicResult_t offers[kOffers];
    int count = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
        library(), product_, a_, b_, c_, c_, preference, kOffers, offers, &count);
    cublasLtMatmulPreferenceDestroy(preference);
    check(status, "asking for algorithms");
    double best = std::numeric_limits<double>::infinity();
    cublasLtMatmulAlgo_t chosen{};
    for (int i = 0; i < count; ++i) {
      if (offers[i].state != CUBLAS_STATUS_SUCCESS) continue;
      algorithm_ = offers[i].algo;
      const double seconds = seconds_of(
          stream, 1, [&](Stream& s, std::size_t) { run(s, a, b, c); }, 0);
      if (seconds < best) {
        best = seconds;
        chosen = algorithm_;
      }
    }
    if (best == std::numeric_limits<double>::infinity()) {
      throw DeviceError("cuBLASLt has no algorithm for this product");
    }
    algorithm_ = chosen;
  }

  void run(Stream& stream, const View& a, const View& b, const View& c) const {
    const float one = 1, zero = 0;
    const std::int32_t whole = 1, none = 0;
    const void* alpha = integer_ ? static_cast<const void*>(&whole) : &one;
    const void* beta = integer_ ? static_cast<const void*>(&none) : &zero;
    check(cublasLtMatmul(library(), product_, alpha, a.data, a_, b.data, b_, beta, c.data, c_,
                         c.data, c_, &algorithm_, workspace_.data(), workspace_.bytes(),
                         cuda::handle(stream)),
          "a product");
  }

 private:
  static void describe(cublasLtMatrixLayout_t& layout, const Matrix& m) {
    check(cublasLtMatrixLayoutCreate(&layout, type_of(m.dtype), static_cast<std::uint64_t>(m.rows),
                                     static_cast<std::uint64_t>(m.columns), m.rows),
          "describing a matrix");
  }
  void set(cublasLtMatmulDescAttributes_t attribute, bool transposed) {
    const cublasOperation_t operation = transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    check(cublasLtMatmulDescSetAttribute(product_, attribute, &operation, sizeof(operation)),
          "describing a product");
  }

  bool integer_;
  cublasLtMatmulDesc_t product_ = nullptr;
  cublasLtMatrixLayout_t a_ = nullptr, b_ = nullptr, c_ = nullptr;
  cublasLtMatmulAlgo_t algorithm_{};
  Buffer workspace_;
};

Call product_call(Stream& stream, const Matrix& a, const Matrix& b, const Matrix& c,
                  const SharedTensors& left, const SharedTensors& right,
                  const SharedTensors& result) {
  const auto product = std::make_shared<Product>(a, b, c);
  product->choose(stream, (*left)[0], (*right)[0], (*result)[0]);
  return [=](Stream& s, std::size_t set) {
    product->run(s, (*left)[set], (*right)[set], (*result)[set]);
  };
}

DType sum_type(DType dtype) {
  return dtype == DType::i8 ? DType::i32 : dtype;
}

std::int64_t pixels(const nn::PointwiseShape& shape) {
  return shape.input.n * shape.input.h * shape.input.w;
}

}  // namespace

// Row-major matrices are their transposes in column-major order: y^T = w x^T, dx^T = w^T dy^T,
// dw^T = x^T dy.

Call cublaslt_forward_on(Stream& stream, std::size_t sets, const nn::PointwiseShape& shape,
                         DType dtype, const SharedTensors& x, const SharedTensors& y) {
  const std::int64_t m = pixels(shape), k = shape.input.c, n = shape.out_channels;
  return product_call(stream, {dtype, k, n, true}, {dtype, k, m}, {sum_type(dtype), n, m},
                      tensors(stream, sets, dtype, shape.weights()), x, y);
}

Call cublaslt_forward(Stream& stream, std::size_t sets, const nn::PointwiseShape& shape,
                      DType dtype) {
  return cublaslt_forward_on(stream, sets, shape, dtype, tensors(stream, sets, dtype, shape.input),
                             tensors(stream, sets, sum_type(dtype), shape.output()));
}

Call cublaslt_backward_data(Stream& stream, std::size_t sets, const nn::PointwiseShape& shape,
                            DType dtype) {
  const std::int64_t m = pixels(shape), k = shape.input.c, n = shape.out_channels;
  return product_call(stream, {dtype, k, n}, {dtype, n, m}, {dtype, k, m},
                      tensors(stream, sets, dtype, shape.weights()),
                      tensors(stream, sets, dtype, shape.output()),
                      tensors(stream, sets, dtype, shape.input));
}

Call cublaslt_backward_weights(Stream& stream, std::size_t sets, const nn::PointwiseShape& shape,
                               DType dtype) {
  const std::int64_t m = pixels(shape), k = shape.input.c, n = shape.out_channels;
  return product_call(stream, {dtype, k, m}, {dtype, n, m, true}, {DType::f32, k, n},
                      tensors(stream, sets, dtype, shape.input),
                      tensors(stream, sets, dtype, shape.output()),
                      tensors(stream, sets, DType::f32, shape.weights()));
}

}  // namespace paretiny::bench
