#include "tests/cuda/cublaslt_double.h"

#include <array>
#include <cstdint>
#include <cstring>

#include "tests/cuda/cudart_double.h"

namespace paretiny::cuda_double {

Cublaslt& cublaslt() {
  static Cublaslt the_library;
  return the_library;
}

namespace {

// What the opaque structures hold here.

struct Layout {
  cudaDataType type;
  std::uint64_t rows, columns;
  std::int64_t leading;
  friend bool operator==(const Layout&, const Layout&) = default;
};
struct Description {
  cublasComputeType_t compute;
  cudaDataType scale;
  cublasOperation_t a, b;
  cublasLtEpilogue_t epilogue;
  const float* bias;
};
struct Preference {
  std::uint64_t workspace;
  std::uint32_t reductions;
  std::array<std::uint32_t, 4> alignment;  // of A, B, C, D
};
/// What an algorithm was made for.
struct Algorithm {
  std::uint64_t rows, columns, depth;
  cublasOperation_t a, b;
  cublasLtEpilogue_t epilogue;
  friend bool operator==(const Algorithm&, const Algorithm&) = default;
};

template <class Held, class Opaque>
Held read(const Opaque* opaque) {
  static_assert(sizeof(Held) <= sizeof(Opaque));
  Held held;
  std::memcpy(&held, opaque, sizeof(Held));
  return held;
}
template <class Held, class Opaque>
void write(Opaque* opaque, const Held& held) {
  static_assert(sizeof(Held) <= sizeof(Opaque));
  std::memcpy(opaque, &held, sizeof(Held));
}

/// Sets `to`, a part of `held`, which is what the structure holds.
template <class Held, class Opaque, class Part>
cublasStatus_t set_part(Opaque* opaque, const Held& held, Part& to, const void* value,
                        std::size_t bytes) {
  if (bytes != sizeof(to)) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&to, value, bytes);
  write(opaque, held);
  return CUBLAS_STATUS_SUCCESS;
}

struct Handle {
  int device;
};

/// Notes what is wrong where `right` is not so.
void demand(bool right, const char* what) {
  if (!right) cublaslt().wrong.emplace_back(what);
}

struct Matrices {
  Layout a, b, c, d;
};

/// The algorithm that fits; notes matrices that do not go together.
Algorithm fitting(const Description& product, const Matrices& m) {
  const bool a_turned = product.a == CUBLAS_OP_T, b_turned = product.b == CUBLAS_OP_T;
  const std::uint64_t rows = a_turned ? m.a.columns : m.a.rows;
  const std::uint64_t depth = a_turned ? m.a.rows : m.a.columns;
  const std::uint64_t columns = b_turned ? m.b.rows : m.b.columns;
  demand((b_turned ? m.b.columns : m.b.rows) == depth, "A and B do not have one depth");
  demand(m.d.rows == rows && m.d.columns == columns, "D does not have the product's shape");
  demand(m.c == m.d, "C and D lie differently");
  demand(product.compute == CUBLAS_COMPUTE_32F && product.scale == CUDA_R_32F,
         "sums and scales are not exact f32");
  for (const Layout& layout : {m.a, m.b, m.c, m.d}) {
    demand(layout.type == CUDA_R_32F, "a matrix is not f32");
    demand(layout.leading >= static_cast<std::int64_t>(layout.rows), "columns overlap");
  }
  return {rows, columns, depth, product.a, product.b, product.epilogue};
}

float at(const float* data, const Layout& layout, bool turned, std::uint64_t row,
         std::uint64_t column) {
  if (turned) std::swap(row, column);
  return data[row + column * static_cast<std::uint64_t>(layout.leading)];
}

}  // namespace
}  // namespace paretiny::cuda_double

using namespace paretiny::cuda_double;

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  *handle = reinterpret_cast<cublasLtHandle_t>(new Handle{runtime().device});
  ++cublaslt().handles;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  delete reinterpret_cast<Handle*>(handle);
  --cublaslt().handles;
  return CUBLAS_STATUS_SUCCESS;
}
const char* cublasLtGetStatusString(cublasStatus_t) {
  return "a reason";
}
std::size_t cublasLtGetVersion() {
  return 130002;
}

cublasStatus_t cublasLtMatrixLayoutInit_internal(cublasLtMatrixLayout_t layout, std::size_t,
                                                 cudaDataType type, std::uint64_t rows,
                                                 std::uint64_t columns, std::int64_t leading) {
  std::memset(layout, 0, sizeof(*layout));
  Layout held;
  std::memset(&held, 0, sizeof(held));  // compared byte by byte
  held.type = type, held.rows = rows, held.columns = columns, held.leading = leading;
  write(layout, held);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescInit_internal(cublasLtMatmulDesc_t product, std::size_t,
                                               cublasComputeType_t compute, cudaDataType_t scale) {
  write(product,
        Description{compute, scale, CUBLAS_OP_N, CUBLAS_OP_N, CUBLASLT_EPILOGUE_DEFAULT, nullptr});
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t product,
                                              cublasLtMatmulDescAttributes_t attribute,
                                              const void* value, std::size_t bytes) {
  auto held = read<Description>(product);
  const auto take = [&](auto& to) { return set_part(product, held, to, value, bytes); };
  switch (attribute) {
    case CUBLASLT_MATMUL_DESC_TRANSA:
      return take(held.a);
    case CUBLASLT_MATMUL_DESC_TRANSB:
      return take(held.b);
    case CUBLASLT_MATMUL_DESC_EPILOGUE:
      return take(held.epilogue);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
      return take(held.bias);
    default:
      return CUBLAS_STATUS_NOT_SUPPORTED;
  }
}

cublasStatus_t cublasLtMatmulPreferenceInit_internal(cublasLtMatmulPreference_t wish, std::size_t) {
  write(wish, Preference{0, CUBLASLT_REDUCTION_SCHEME_MASK, {256, 256, 256, 256}});
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t wish,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void* value, std::size_t bytes) {
  auto held = read<Preference>(wish);
  const auto take = [&](auto& to) { return set_part(wish, held, to, value, bytes); };
  switch (attribute) {
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
      return take(held.workspace);
    case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
      return take(held.reductions);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
      return take(held.alignment[0]);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
      return take(held.alignment[1]);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
      return take(held.alignment[2]);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
      return take(held.alignment[3]);
    default:
      return CUBLAS_STATUS_NOT_SUPPORTED;
  }
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t product,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t wish, int wanted,
                                              cublasLtMatmulHeuristicResult_t results[],
                                              int* count) {
  ++cublaslt().heuristics;
  const auto preference = read<Preference>(wish);
  demand((preference.reductions & ~CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE) == 0,
         "sums may be added in any order, or in another type");
  for (const std::uint32_t alignment : preference.alignment) {
    demand(alignment <= 16, "the matrices are promised to be aligned to more than they are");
  }
  *count = 0;
  if (cublaslt().declines || wanted < 1) return CUBLAS_STATUS_NOT_SUPPORTED;
  demand(preference.workspace >= kProductWorkspace, "there is no room for the best algorithm");
  results[0] = {};
  write(&results[0].algo, fitting(read<Description>(product), {read<Layout>(a), read<Layout>(b),
                                                               read<Layout>(c), read<Layout>(d)}));
  results[0].workspaceSize = kProductWorkspace;
  results[0].state = CUBLAS_STATUS_SUCCESS;
  *count = 1;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t description,
                              const void* alpha, const void* a, cublasLtMatrixLayout_t a_layout,
                              const void* b, cublasLtMatrixLayout_t b_layout, const void* beta,
                              const void* c, cublasLtMatrixLayout_t c_layout, void* d,
                              cublasLtMatrixLayout_t d_layout,
                              const cublasLtMatmulAlgo_t* algorithm, void* workspace,
                              std::size_t workspace_bytes, cudaStream_t stream) {
  ++cublaslt().products;
  const cublasStatus_t planned = cublaslt().next_product;
  cublaslt().next_product = CUBLAS_STATUS_SUCCESS;
  if (planned != CUBLAS_STATUS_SUCCESS) return planned;
  const auto product = read<Description>(description);
  const Matrices m{read<Layout>(a_layout), read<Layout>(b_layout), read<Layout>(c_layout),
                   read<Layout>(d_layout)};
  const Algorithm made = fitting(product, m);
  demand(read<Algorithm>(algorithm) == made, "the algorithm was chosen for another product");
  demand(stream == stream_here(), "the stream is not ours");
  demand(reinterpret_cast<Handle*>(handle)->device == runtime().device,
         "the handle is another device's");
  demand(workspace_bytes >= kProductWorkspace && aligned_to(workspace, 256),
         "the workspace is too small or not aligned to 256 bytes");
  for (const void* each : {a, b, c, static_cast<const void*>(d)}) {
    demand(aligned_to(each, 16), "a matrix is not aligned as was promised");
  }
  const bool biased = product.epilogue == CUBLASLT_EPILOGUE_BIAS;
  demand(biased || product.epilogue == CUBLASLT_EPILOGUE_DEFAULT, "another epilogue");
  demand(biased == (product.bias != nullptr), "a bias is promised or given, not both");
  demand(*static_cast<const float*>(alpha) == 1 && *static_cast<const float*>(beta) == 0,
         "not a plain product");
  if (!cublaslt().wrong.empty()) return CUBLAS_STATUS_INVALID_VALUE;
  std::memset(workspace, 0xFF, workspace_bytes);  // whatever else lies there is lost
  const auto* const of_a = static_cast<const float*>(a);
  const auto* const of_b = static_cast<const float*>(b);
  for (std::uint64_t column = 0; column < made.columns; ++column) {
    for (std::uint64_t row = 0; row < made.rows; ++row) {
      double sum = biased ? product.bias[row] : 0;
      for (std::uint64_t k = 0; k < made.depth; ++k) {
        sum += static_cast<double>(at(of_a, m.a, product.a == CUBLAS_OP_T, row, k)) *
               at(of_b, m.b, product.b == CUBLAS_OP_T, k, column);
      }
      static_cast<float*>(d)[row + column * static_cast<std::uint64_t>(m.d.leading)] =
          static_cast<float>(sum);
    }
  }
  return CUBLAS_STATUS_SUCCESS;
}
