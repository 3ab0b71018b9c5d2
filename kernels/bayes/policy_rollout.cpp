#include "kernels/bayes/policy_rollout.h"

#include <cmath>

#include "kernels/core/check.h"

namespace paretiny::bayes {

namespace twins {
constinit Op<decltype(bayes::policy_perturb)> policy_perturb("policy_perturb");
constinit Op<decltype(bayes::policy_move)> policy_move("policy_move");
constinit Op<decltype(bayes::policy_update)> policy_update("policy_update");
}  // namespace twins

namespace {

constexpr Shape kOne{1, 1, 1, 1};

void check_policies(const char* op, const PolicyShape& policy) {
  check(policy.policies > 0 && policy.dimensions > 0 && policy.hidden > 0, op,
        std::to_string(policy.policies) + " policies of " + std::to_string(policy.dimensions) +
            " dimensions and " + std::to_string(policy.hidden) +
            " hidden units; each must be at least 1");
}

/// Rows of a tensor [policies, 1, rows, ...].
std::int64_t rows_of(const char* op, const char* argument, ConstView tensor) {
  check(tensor.shape.w > 0, op,
        std::string(argument) + " has shape " + to_string(tensor.shape) + ", of no rows");
  return tensor.shape.w;
}

}  // namespace

void policy_perturb(Stream& stream, const PolicyShape& policy, double noise, std::uint64_t key,
                    const PolicyPerturb& t) {
  const char* op = "policy_perturb";
  check_policies(op, policy);
  check(std::isfinite(noise) && noise >= 0, op,
        "noise " + std::to_string(noise) + " is not a finite number of at least 0");
  const std::int64_t n = rows_of(op, "directions", t.directions);
  check_tensor(op, "update", t.update, kOne, {DType::i32});
  check_tensor(op, "weights", t.weights, {policy.policies, 1, 1, policy.weights()}, {DType::f64});
  check_tensor(op, "directions", t.directions, {policy.policies, 1, n, policy.weights()},
               {DType::f64});
  check_tensor(op, "rollouts", t.rollouts, {policy.policies, 1, 2 * n, policy.weights()},
               {DType::f64});
  twins::policy_perturb(stream, policy, noise, key, t);
}

void policy_move(Stream& stream, const PolicyShape& policy, const PolicyMove& t) {
  const char* op = "policy_move";
  check_policies(op, policy);
  check(std::isfinite(policy.reach) && policy.reach > 0, op,
        "reach " + std::to_string(policy.reach) + " is not a finite number above 0");
  const auto each = static_cast<std::int64_t>(sizeof(CubeParameter));
  check(t.cube.shape.c > 0 && t.cube.shape.c % each == 0, op,
        "cube has " + std::to_string(t.cube.shape.c) + " bytes, expected a multiple of " +
            std::to_string(each));
  check_tensor(op, "cube", t.cube, {1, 1, 1, t.cube.shape.c}, {DType::u8});
  const std::int64_t r = rows_of(op, "rollouts", t.rollouts);
  const Shape points{policy.policies, 1, r, policy.dimensions};
  check_tensor(op, "statistics", t.statistics, {policy.policies, 1, 1, policy.statistics()},
               {DType::f64});
  check_tensor(op, "rollouts", t.rollouts, {policy.policies, 1, r, policy.weights()}, {DType::f64});
  check_tensor(op, "states", t.states, points, {DType::f64});
  check_tensor(op, "next", t.next, points, {DType::f64});
  check_tensor(op, "snapped", t.snapped, points, {DType::f64});
  twins::policy_move(stream, policy, t);
}

void policy_update(Stream& stream, const PolicyShape& policy, std::int64_t kept, double step_size,
                   const PolicyUpdate& t) {
  const char* op = "policy_update";
  check_policies(op, policy);
  const std::int64_t n = rows_of(op, "directions", t.directions);
  check(kept >= 1 && kept <= n, op,
        std::to_string(kept) + " directions kept of " + std::to_string(n) +
            "; it must be at least 1 and at most all");
  check(std::isfinite(step_size), op, "the step size is not finite");
  const std::int64_t horizon = t.rewards.shape.n;
  check(horizon > 0, op, "rewards has shape " + to_string(t.rewards.shape) + ", of no moves");
  check_tensor(op, "rewards", t.rewards, {horizon, 1, policy.policies, 2 * n}, {DType::f64});
  check_tensor(op, "states", t.states, {horizon, policy.policies, 2 * n, policy.dimensions},
               {DType::f64});
  check_tensor(op, "directions", t.directions, {policy.policies, 1, n, policy.weights()},
               {DType::f64});
  check_tensor(op, "weights", t.weights, {policy.policies, 1, 1, policy.weights()}, {DType::f64});
  check_tensor(op, "statistics", t.statistics, {policy.policies, 1, 1, policy.statistics()},
               {DType::f64});
  check_tensor(op, "update", t.update, kOne, {DType::i32});
  twins::policy_update(stream, policy, kept, step_size, t);
}

}  // namespace paretiny::bayes
