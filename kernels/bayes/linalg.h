// Dense linear algebra in double precision, batched over independent items. A matrix is a slice
// [1, 1, rows, columns], by rows.
#pragma once

#include "kernels/core/dispatch.h"
#include "kernels/core/tensor.h"

namespace paretiny::bayes {

/// a[i] becomes l with a[i] = l l^T, lower triangular with zeros above the diagonal; only the lower
/// triangle of a[i] is read. An item that is not positive definite in double precision (no pivot
/// below 1e-13 of its diagonal element) gets 1e-8, then 1e-7, ... 1e-2 times the mean of its
/// diagonal added to it, alone, until it is.
/// jitter[i]: the factor that was added, 0 for none, NaN where 1e-2 did not help either (a[i] is
/// then undefined). a: [items, 1, n, n] f64; jitter: [1, 1, 1, items] f64.
void cholesky(Stream&, View a, View jitter);

/// inverse[i] = l[i]^-1, zeros above the diagonal; only the lower triangle of l[i] is read.
/// l, inverse: [items, 1, n, n] f64, not aliased.
void triangular_inverse(Stream&, ConstView l, View inverse);

namespace twins {
extern Op<decltype(cholesky)> cholesky;
extern Op<decltype(triangular_inverse)> triangular_inverse;
}  // namespace twins

}  // namespace paretiny::bayes
