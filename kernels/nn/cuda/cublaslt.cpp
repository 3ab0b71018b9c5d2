// cuBLASLt's products of f32 matrices. Nothing else knows cuBLASLt.
#include <cublasLt.h>

#include <cstdint>
#include <map>
#include <tuple>

#include "base/error.h"
#include "kernels/core/cuda/cuda_stream.h"
#include "kernels/core/cuda/launch.h"
#include "kernels/nn/cuda/libraries.h"

namespace paretiny::cuda {
namespace {

/// Bytes that it may take, kept with the stream for good.
constexpr std::size_t kWorkspace = std::size_t{4} << 20;

/// Of every matrix: what cuBLASLt is told, and asks for to read four values at once.
constexpr std::uint32_t kAlignment = 16;

void check_cublas(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  // A CUDA error below it says more: memory that ran out, a device that is lost.
  check_cuda(cudaPeekAtLastError(), what);
  throw DeviceError(std::string("cuBLASLt: ") + what + ": " + cublasLtGetStatusString(status));
}

/// A product as cuBLASLt sees it, by columns: d^T = b^T a^T, so that its A is our b.
struct Plan {
  bool taken = false;
  cublasLtMatmulDescOpaque_t product{};
  cublasLtMatrixLayoutOpaque_t a{}, b{}, d{};
  cublasLtMatmulAlgo_t algorithm{};
};

using PlanKey = std::tuple<std::int64_t, std::int64_t, std::int64_t, bool, bool, bool>;

/// A stream's handle and plans.
class Cublaslt {
 public:
  explicit Cublaslt(const Stream& stream) {
    check_cuda(cudaSetDevice(stream.device().index), "choosing the device");
    check_cublas(cublasLtCreate(&handle), "starting");
  }
  ~Cublaslt() { cublasLtDestroy(handle); }
  Cublaslt(const Cublaslt&) = delete;
  Cublaslt& operator=(const Cublaslt&) = delete;

  Plan& plan(const Product& product, bool bias) {
    const PlanKey key{product.rows,         product.columns,      product.depth,
                      product.a_transposed, product.b_transposed, bias};
    const auto [found, is_new] = plans_.try_emplace(key);
    if (is_new) choose(product, bias, found->second);
    return found->second;
  }

  cublasLtHandle_t handle = nullptr;

 private:
  void choose(const Product& product, bool bias, Plan& plan) const;

  bool wanted_ = libraries_wanted();
  std::map<PlanKey, Plan> plans_;
};

template <class Value>
void set(cublasLtMatmulDesc_t product, cublasLtMatmulDescAttributes_t attribute, Value value) {
  check_cublas(cublasLtMatmulDescSetAttribute(product, attribute, &value, sizeof(value)),
               "describing a product");
}

template <class Value>
void set(cublasLtMatmulPreference_t wish, cublasLtMatmulPreferenceAttributes_t attribute,
         Value value) {
  check_cublas(cublasLtMatmulPreferenceSetAttribute(wish, attribute, &value, sizeof(value)),
               "describing a product");
}

/// A matrix of ours with `row` values a row.
void lay_out(cublasLtMatrixLayout_t layout, std::int64_t rows, std::int64_t row) {
  check_cublas(cublasLtMatrixLayoutInit(layout, CUDA_R_32F, static_cast<std::uint64_t>(row),
                                        static_cast<std::uint64_t>(rows), row),
               "describing a matrix");
}

void Cublaslt::choose(const Product& p, bool bias, Plan& plan) const {
  if (!wanted_) return;
  check_cublas(cublasLtMatmulDescInit(&plan.product, CUBLAS_COMPUTE_32F, CUDA_R_32F),
               "describing a product");
  const auto operation = [](bool transposed) { return transposed ? CUBLAS_OP_T : CUBLAS_OP_N; };
  set(&plan.product, CUBLASLT_MATMUL_DESC_TRANSA, operation(p.b_transposed));
  set(&plan.product, CUBLASLT_MATMUL_DESC_TRANSB, operation(p.a_transposed));
  if (bias) set(&plan.product, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
  lay_out(&plan.a, p.b_transposed ? p.columns : p.depth, p.b_transposed ? p.depth : p.columns);
  lay_out(&plan.b, p.a_transposed ? p.depth : p.rows, p.a_transposed ? p.rows : p.depth);
  lay_out(&plan.d, p.rows, p.columns);

  // Partial sums over the depth are welcome where a second step adds them up in order.
  cublasLtMatmulPreferenceOpaque_t wish{};
  check_cublas(cublasLtMatmulPreferenceInit(&wish), "describing a product");
  set(&wish, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
      static_cast<std::uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
  set(&wish, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{kWorkspace});
  for (const auto alignment :
       {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES}) {
    set(&wish, alignment, kAlignment);
  }
  cublasLtMatmulHeuristicResult_t best{};
  int count = 0;
  const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
      handle, &plan.product, &plan.a, &plan.b, &plan.d, &plan.d, &wish, 1, &best, &count);
  if (status != CUBLAS_STATUS_SUCCESS || count < 1 || best.state != CUBLAS_STATUS_SUCCESS) return;
  plan.algorithm = best.algo;
  plan.taken = true;
}

bool aligned_to_read(const float* data) {
  return reinterpret_cast<std::uintptr_t>(data) % kAlignment == 0;
}

}  // namespace

std::optional<std::size_t> cublaslt_scratch_bytes(Stream& stream, const Product& product) {
  auto& cublaslt = stream.keep<Cublaslt>();
  const bool taken = cublaslt.plan(product, false).taken || cublaslt.plan(product, true).taken;
  return taken ? std::optional(kWorkspace) : std::nullopt;
}

bool cublaslt_product(Stream& stream, const Product& product, const float* a, const float* b,
                      const float* bias, float* d) {
  if (!aligned_to_read(a) || !aligned_to_read(b) || !aligned_to_read(bias) || !aligned_to_read(d)) {
    return false;
  }
  auto& cublaslt = stream.keep<Cublaslt>();
  Plan& plan = cublaslt.plan(product, bias != nullptr);
  if (!plan.taken) return false;
  if (bias != nullptr) set(&plan.product, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
  Arena::Scope scratch(stream.scratch());
  void* const workspace = scratch.take(kWorkspace);
  const float one = 1;
  const float zero = 0;
  check_cublas(
      cublasLtMatmul(cublaslt.handle, &plan.product, &one, b, &plan.a, a, &plan.b, &zero, d,
                     &plan.d, d, &plan.d, &plan.algorithm, workspace, kWorkspace, handle(stream)),
      "product");
  return true;
}

std::string cublaslt_version() {
  const std::size_t version = cublasLtGetVersion();
  return "cuBLASLt " + std::to_string(version / 10000) + "." +
         std::to_string(version % 10000 / 100) + "." + std::to_string(version % 100);
}

}  // namespace paretiny::cuda
