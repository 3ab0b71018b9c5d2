#include "kernels/bayes/gp_posterior.h"

#include "kernels/bayes/gp_checks.h"

namespace paretiny::bayes {

namespace twins {
constinit Op<decltype(bayes::gp_likelihood)> gp_likelihood("gp_likelihood");
constinit Op<decltype(bayes::gp_condition)> gp_condition("gp_condition");
constinit Op<decltype(bayes::gp_posterior)> gp_posterior("gp_posterior");
}  // namespace twins

namespace {

void check_data(const char* op, const GpShape& shape, const GpData& data) {
  check_tensor(op, "x", data.x, {shape.sets, 1, shape.points, shape.dimensions}, {DType::f64});
  check_tensor(op, "y", data.y, {shape.sets, 1, 1, shape.points}, {DType::f64});
  check_tensor(op, "counts", data.counts, {1, 1, 1, shape.sets}, {DType::i32});
  if (data.noise.data == nullptr) return;
  check_tensor(op, "noise", data.noise, {shape.sets, 1, 1, shape.points}, {DType::f64});
}

}  // namespace

void check_shape(const char* op, const GpShape& shape) {
  check(shape.sets > 0 && shape.points > 0 && shape.dimensions > 0, op,
        std::to_string(shape.sets) + " sets of " + std::to_string(shape.points) + " points of " +
            std::to_string(shape.dimensions) + " dimensions; at least one of each is needed");
}

void check_state(const char* op, const GpShape& shape, const GpState& state) {
  const auto [covariance, mean, sets, points, dimensions] = shape;
  check_tensor(op, "scaled", state.scaled, {sets, 1, points, dimensions}, {DType::f64});
  check_tensor(op, "inverse_root", state.inverse_root, {sets, 1, points, points}, {DType::f64});
  check_tensor(op, "weights", state.weights, {sets, 1, 1, points}, {DType::f64});
  check_tensor(op, "parameters", state.parameters, {sets, 1, 1, dimensions + 3}, {DType::f64});
}

void check_queries(const char* op, const GpShape& shape, const ConstView& queries) {
  check(queries.shape.w > 0, op, "there are no queries");
  check_tensor(op, "queries", queries, {1, 1, queries.shape.w, shape.dimensions}, {DType::f64});
}

void gp_likelihood(Stream& stream, const GpShape& shape, const GpData& data,
                   const GpLikelihood& t) {
  const char* op = "gp_likelihood";
  check_shape(op, shape);
  check_data(op, shape, data);
  const std::int64_t items = t.hyperparameters.shape.n;
  check(
      items > 0 && items % shape.sets == 0, op,
      std::to_string(items) + " items are no multiple of " + std::to_string(shape.sets) + " sets");
  const Shape rows{items, 1, 1, shape.dimensions + 2};
  check_tensor(op, "hyperparameters", t.hyperparameters, rows, {DType::f64});
  if (t.wanted.data != nullptr) {
    check_tensor(op, "wanted", t.wanted, {1, 1, 1, items}, {DType::i32});
  }
  check_tensor(op, "value", t.value, {1, 1, 1, items}, {DType::f64});
  check_tensor(op, "gradient", t.gradient, rows, {DType::f64});
  twins::gp_likelihood(stream, shape, data, t);
}

void gp_condition(Stream& stream, const GpShape& shape, const GpData& data,
                  ConstView hyperparameters, GpState state, View jitter) {
  const char* op = "gp_condition";
  check_shape(op, shape);
  check_data(op, shape, data);
  check_tensor(op, "hyperparameters", hyperparameters, {shape.sets, 1, 1, shape.dimensions + 2},
               {DType::f64});
  check_state(op, shape, state);
  check_tensor(op, "jitter", jitter, {1, 1, 1, shape.sets}, {DType::f64});
  twins::gp_condition(stream, shape, data, hyperparameters, state, jitter);
}

void gp_posterior(Stream& stream, const GpShape& shape, const GpState& state,
                  const GpPrediction& t) {
  const char* op = "gp_posterior";
  check_shape(op, shape);
  check_state(op, shape, state);
  check_queries(op, shape, t.queries);
  const Shape results{1, 1, shape.sets, t.queries.shape.w};
  check_tensor(op, "mean", t.mean, results, {DType::f64});
  check_tensor(op, "variance", t.variance, results, {DType::f64});
  twins::gp_posterior(stream, shape, state, t);
}

}  // namespace paretiny::bayes
