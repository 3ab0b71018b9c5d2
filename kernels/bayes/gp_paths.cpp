#include "kernels/bayes/gp_paths.h"

#include "kernels/bayes/gp_checks.h"

namespace paretiny::bayes {

namespace twins {
constinit Op<decltype(bayes::gp_paths)> gp_paths("gp_paths");
constinit Op<decltype(bayes::gp_paths_backward)> gp_paths_backward("gp_paths_backward");
}  // namespace twins

namespace {

/// Checks all but the values, and returns their shape.
Shape check_arguments(const char* op, const GpShape& shape, const GpState& state,
                      const GpPaths& paths, const ConstView& queries) {
  check_shape(op, shape);
  check_state(op, shape, state);
  const std::int64_t features = paths.phases.shape.c, count = paths.weights.shape.w;
  check(features > 0 && count > 0, op, "paths need at least one feature, and one path");
  check_tensor(op, "frequencies", paths.frequencies, {1, 1, features, shape.dimensions},
               {DType::f64});
  check_tensor(op, "phases", paths.phases, {1, 1, 1, features}, {DType::f64});
  check_tensor(op, "weights", paths.weights, {shape.sets, 1, count, features + shape.points},
               {DType::f64});
  check_queries(op, shape, queries);
  return {shape.sets, 1, queries.shape.w, count};
}

}  // namespace

void gp_paths(Stream& stream, const GpShape& shape, const GpState& state, const GpPaths& paths,
              ConstView queries, View values) {
  const char* op = "gp_paths";
  check_tensor(op, "values", values, check_arguments(op, shape, state, paths, queries),
               {DType::f64});
  twins::gp_paths(stream, shape, state, paths, queries, values);
}

void gp_paths_backward(Stream& stream, const GpShape& shape, const GpState& state,
                       const GpPaths& paths, ConstView queries, ConstView d_values,
                       View d_queries) {
  const char* op = "gp_paths_backward";
  check_tensor(op, "d_values", d_values, check_arguments(op, shape, state, paths, queries),
               {DType::f64});
  check_tensor(op, "d_queries", d_queries, queries.shape, {DType::f64});
  twins::gp_paths_backward(stream, shape, state, paths, queries, d_values, d_queries);
}

}  // namespace paretiny::bayes
