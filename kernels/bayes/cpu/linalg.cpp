#include "kernels/bayes/linalg.h"

#include "kernels/bayes/cpu/triangular.h"
#include "kernels/core/threads.h"

namespace paretiny::cpu {
namespace {

/// The upper triangle of `panels` from the lower one of the n x n matrix `a`, transposed, padded
/// with the identity.
void load_transposed(const double* a, std::int64_t n, const Panels& panels) {
  for (std::int64_t i = 0; i < panels.rows(); ++i) {
    for (std::int64_t j = 0; j <= i; ++j) {
      panels.element(j, i) = i < n ? a[i * n + j] : i == j ? 1.0 : 0.0;
    }
    // The block on the diagonal is read whole.
    for (std::int64_t j = i + 1; j % kWide != 0; ++j) panels.element(j, i) = 0;
  }
}

void cholesky(Stream& stream, View a, View jitter) {
  const std::int64_t items = a.shape.n, n = a.shape.w;
  Arena::Scope scope(stream.scratch());
  const ThreadScratch scratch(scope, Panels::doubles(n));
  parallel_each(items, items * n * n * n / 6 >= kParallelProducts, [&](std::int64_t item) {
    double* matrix = a.as<double>() + item * n * n;
    const Panels u(n, scratch.mine());
    double diagonal = 0;
    for (std::int64_t i = 0; i < n; ++i) diagonal += matrix[i * n + i];
    jitter.as<double>()[item] = factorise_with_jitter(u, [&](double factor) {
      load_transposed(matrix, n, u);
      if (factor == 0) return;
      for (std::int64_t i = 0; i < n; ++i) {
        u.element(i, i) += factor * (diagonal / static_cast<double>(n));
      }
    });
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) matrix[i * n + j] = j <= i ? u.element(j, i) : 0.0;
    }
  });
}

void triangular_inverse(Stream& stream, ConstView l, View inverse) {
  const std::int64_t items = l.shape.n, n = l.shape.w;
  Arena::Scope scope(stream.scratch());
  const ThreadScratch scratch(scope, 2 * Panels::doubles(n));
  parallel_each(items, items * n * n * n / 6 >= kParallelProducts, [&](std::int64_t item) {
    const Panels u(n, scratch.mine()), result(n, scratch.mine() + Panels::doubles(n));
    load_transposed(l.as<double>() + item * n * n, n, u);
    invert_transposed(u, result);
    double* matrix = inverse.as<double>() + item * n * n;
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) matrix[i * n + j] = j <= i ? result.element(i, j) : 0.0;
    }
  });
}

const Twin cholesky_twin(bayes::twins::cholesky, DeviceKind::cpu, cholesky);
const Twin inverse_twin(bayes::twins::triangular_inverse, DeviceKind::cpu, triangular_inverse);

}  // namespace
}  // namespace paretiny::cpu
