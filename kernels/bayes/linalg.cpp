#include "kernels/bayes/linalg.h"

#include "kernels/core/check.h"

namespace paretiny::bayes {

namespace twins {
constinit Op<decltype(bayes::cholesky)> cholesky("cholesky");
constinit Op<decltype(bayes::triangular_inverse)> triangular_inverse("triangular_inverse");
}  // namespace twins

namespace {

/// [items, 1, n, n], neither 0.
template <class AnyView>
void check_matrices(const char* op, const char* argument, const AnyView& tensor) {
  const Shape& shape = tensor.shape;
  check(shape.n > 0 && shape.w > 0 && shape == Shape{shape.n, 1, shape.w, shape.w}, op,
        std::string(argument) + " has shape " + to_string(shape) +
            ", expected square matrices, items x 1 x n x n");
  check_tensor(op, argument, tensor, shape, {DType::f64});
}

}  // namespace

void cholesky(Stream& stream, View a, View jitter) {
  const char* op = "cholesky";
  check_matrices(op, "a", a);
  check_tensor(op, "jitter", jitter, {1, 1, 1, a.shape.n}, {DType::f64});
  twins::cholesky(stream, a, jitter);
}

void triangular_inverse(Stream& stream, ConstView l, View inverse) {
  const char* op = "triangular_inverse";
  check_matrices(op, "l", l);
  check_tensor(op, "inverse", inverse, l.shape, {DType::f64});
  check(inverse.data != l.data, op, "inverse is l itself");
  twins::triangular_inverse(stream, l, inverse);
}

}  // namespace paretiny::bayes
