#include "kernels/bayes/acquisition.h"

#include <cmath>

#include "kernels/core/check.h"

namespace paretiny::bayes {

namespace twins {
constinit Op<decltype(bayes::add_log_scalarised_improvement)> add_log_scalarised_improvement(
    "add_log_scalarised_improvement");
constinit Op<decltype(bayes::add_log_within)> add_log_within("add_log_within");
}  // namespace twins

namespace {

/// Points of a reward [1, 1, 1, q].
std::int64_t check_reward(const char* op, View reward) {
  const std::int64_t q = reward.shape.c;
  check(q > 0, op, "reward " + to_string(reward.shape) + " has no elements");
  check_tensor(op, "reward", reward, {1, 1, 1, q}, {DType::f64});
  return q;
}

void check_beliefs(const char* op, const Beliefs& beliefs, std::int64_t least_sets,
                   std::int64_t q) {
  const Shape& given = beliefs.mean.shape;
  check(given.w >= least_sets, op,
        "mean " + to_string(given) + " has fewer than " + std::to_string(least_sets) + " sets");
  const Shape shape{1, 1, given.w, q};
  check_tensor(op, "mean", beliefs.mean, shape, {DType::f64});
  check_tensor(op, "variance", beliefs.variance, shape, {DType::f64});
}

bool is_positive(double x) {
  return std::isfinite(x) && x > 0;
}

}  // namespace

void add_log_scalarised_improvement(Stream& stream, const Scalarisation& scalarisation,
                                    const Beliefs& beliefs, View reward) {
  const char* op = "add_log_scalarised_improvement";
  const std::int64_t objectives = scalarisation.low.shape.c;
  const std::int64_t samples = scalarisation.normals.shape.w;
  check(objectives > 0 && samples > 0, op,
        std::to_string(objectives) + " objectives and " + std::to_string(samples) +
            " base samples; each must be at least 1");
  check(std::isfinite(scalarisation.best), op, "best is not finite");
  check(is_positive(scalarisation.softness), op, "softness is not a finite number above 0");
  check_tensor(op, "low", scalarisation.low, {1, 1, 1, objectives}, {DType::f64});
  check_tensor(op, "factor", scalarisation.factor, {1, 1, 1, objectives}, {DType::f64});
  check_tensor(op, "normals", scalarisation.normals, {1, 1, samples, objectives}, {DType::f64});
  check_beliefs(op, beliefs, objectives, check_reward(op, reward));
  twins::add_log_scalarised_improvement(stream, scalarisation, beliefs, reward);
}

void add_log_within(Stream& stream, ConstView limits, const Beliefs& beliefs, View reward) {
  const char* op = "add_log_within";
  check_beliefs(op, beliefs, 1, check_reward(op, reward));
  check_tensor(op, "limits", limits, {1, 1, 1, beliefs.mean.shape.w}, {DType::f64});
  twins::add_log_within(stream, limits, beliefs, reward);
}

}  // namespace paretiny::bayes
