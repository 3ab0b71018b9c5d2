#include "nas/samplers/random_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/random.h"
#include "nas/samplers/parallel_for.h"
#include "nas/samplers/policy.h"

namespace paretiny {
namespace {

/// Rollouts that advance in lock-step and share posterior calls. Fixed: a result must not depend on
/// the number of threads.
constexpr Eigen::Index kChunk = 32;

/// Rewards closer together than this say nothing about a direction.
constexpr double kLeastSpread = 1e-12;

struct Visit {
  std::vector<double> x;
  double reward = 0;
};

struct Policy {
  Eigen::VectorXd start;    ///< [d]
  Eigen::VectorXd weights;  ///< [w]
  StateNormaliser normaliser;
};

/// What a chunk of rollouts brought.
struct Rollouts {
  Eigen::ArrayXd rewards;  ///< [r], the best along each
  std::vector<Visit> visits;
  StateNormaliser states;
};

class Trainer {
 public:
  Trainer(const Acquisition& acquisition, const Space& space, const ArsOptions& options,
          std::uint64_t seed, std::uint64_t trial)
      : acquisition_(acquisition), space_(space), options_(options), seed_(seed), trial_(trial) {
    const auto d = static_cast<Eigen::Index>(space.dimensions());
    shape_ = {d, static_cast<Eigen::Index>(options.hidden),
              options.reach / std::sqrt(static_cast<double>(d))};
  }

  /// Policy number `l`: random features, no move. (With all weights zero, as ARS starts its linear
  /// policies, nothing but the output bias would have a first-order effect.)
  Policy make_policy(const Eigen::MatrixXd& starts, std::size_t l) const {
    Policy policy{starts.row(static_cast<Eigen::Index>(l)).transpose(),
                  Eigen::VectorXd::Zero(shape_.weights()), StateNormaliser(shape_.dimensions)};
    Random random(seed_, "ars features", trial_ * options_.policies + l);
    const double scale = 1 / std::sqrt(static_cast<double>(shape_.dimensions));
    for (double& weight : policy.weights.head(shape_.hidden * shape_.dimensions)) {
      weight = scale * random.normal();
    }
    return policy;
  }

  /// One update of every policy; appends what was visited to `visits`.
  void step(std::vector<Policy>& policies, std::size_t number, std::vector<Visit>& visits) const {
    const auto rollouts = static_cast<Eigen::Index>(2 * options_.directions);
    const auto chunks = static_cast<std::size_t>((rollouts + kChunk - 1) / kChunk);
    std::vector<Eigen::MatrixXd> directions(policies.size());
    parallel_for(policies.size(), [&](std::size_t l) {
      const std::uint64_t index = (trial_ * options_.steps + number) * options_.policies + l;
      Random random(seed_, "ars directions", index);
      directions[l].resize(shape_.weights(), static_cast<Eigen::Index>(options_.directions));
      for (double& entry : directions[l].reshaped()) entry = random.normal();
    });

    std::vector<Rollouts> done(policies.size() * chunks, empty_rollouts(0));
    parallel_for(done.size(), [&](std::size_t task) {
      const std::size_t l = task / chunks;
      const Eigen::Index first = static_cast<Eigen::Index>(task % chunks) * kChunk;
      const Eigen::Index count = std::min(kChunk, rollouts - first);
      Eigen::MatrixXd weights(shape_.weights(), count);
      for (Eigen::Index i = 0; i < count; ++i) {
        const double sign = (first + i) % 2 == 0 ? 1 : -1;
        weights.col(i) =
            policies[l].weights + sign * options_.noise * directions[l].col((first + i) / 2);
      }
      done[task] = roll_out(policies[l], weights);
    });

    for (std::size_t l = 0; l < policies.size(); ++l) {
      Eigen::ArrayXd rewards(rollouts);  // of direction j: +, at 2j, and -, at 2j + 1
      for (std::size_t c = 0; c < chunks; ++c) {
        Rollouts& chunk = done[l * chunks + c];
        rewards.segment(static_cast<Eigen::Index>(c) * kChunk, chunk.rewards.size()) =
            chunk.rewards;
        policies[l].normaliser.add(chunk.states);
        std::move(chunk.visits.begin(), chunk.visits.end(), std::back_inserter(visits));
      }
      update(policies[l].weights, directions[l], rewards);
    }
  }

  /// All rollouts of `policy`, one a column of `weights` [w, r], from its start.
  Rollouts roll_out(const Policy& policy, const Eigen::MatrixXd& weights) const {
    const Eigen::Index r = weights.cols();
    Rollouts rollouts = empty_rollouts(r);
    Eigen::MatrixXd states = policy.start.replicate(1, r);
    Eigen::MatrixXd snapped(r, shape_.dimensions);
    for (std::size_t h = 0; h < options_.horizon; ++h) {
      for (Eigen::Index i = 0; i < r; ++i) {
        const Eigen::VectorXd state = states.col(i);
        rollouts.states.add(state);
        const Eigen::VectorXd moved = state + shape_.move(weights.col(i), policy.normaliser(state));
        states.col(i) = moved.cwiseMax(0.0).cwiseMin(1.0);
        std::vector<double> x =
            space_.snap(std::vector<double>(states.col(i).begin(), states.col(i).end()));
        snapped.row(i) = Eigen::Map<const Eigen::RowVectorXd>(x.data(), shape_.dimensions);
        rollouts.visits.push_back({std::move(x), 0});
      }
      const Eigen::ArrayXd rewards = acquisition_(snapped);
      for (Eigen::Index i = 0; i < r; ++i) {
        (rollouts.visits.end() - r + i)->reward = rewards(i);
      }
      rollouts.rewards = rollouts.rewards.max(rewards);
    }
    return rollouts;
  }

 private:
  Rollouts empty_rollouts(Eigen::Index count) const {
    return {Eigen::ArrayXd::Constant(count, -std::numeric_limits<double>::infinity()),
            {},
            StateNormaliser(shape_.dimensions)};
  }

  /// Moves `weights` along the kept directions by their difference of rewards.
  void update(Eigen::VectorXd& weights, const Eigen::MatrixXd& directions,
              const Eigen::ArrayXd& rewards) const {
    const auto better = [&](Eigen::Index j) {
      return std::max(rewards(2 * j), rewards(2 * j + 1));
    };
    std::vector<Eigen::Index> order(options_.directions);
    std::iota(order.begin(), order.end(), Eigen::Index{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](Eigen::Index i, Eigen::Index j) { return better(i) > better(j); });
    const auto kept = static_cast<Eigen::Index>(options_.kept);
    Eigen::ArrayXd plus(kept);
    Eigen::ArrayXd minus(kept);
    for (Eigen::Index k = 0; k < kept; ++k) {
      const Eigen::Index j = order[static_cast<std::size_t>(k)];
      plus(k) = rewards(2 * j);
      minus(k) = rewards(2 * j + 1);
    }
    const double mean = (plus.mean() + minus.mean()) / 2;
    const double spread =
        std::sqrt(((plus - mean).square().mean() + (minus - mean).square().mean()) / 2);
    if (!(spread > kLeastSpread)) return;
    const double rate = options_.step_size / (static_cast<double>(kept) * spread);
    for (Eigen::Index k = 0; k < kept; ++k) {
      weights += rate * (plus(k) - minus(k)) * directions.col(order[static_cast<std::size_t>(k)]);
    }
  }

  const Acquisition& acquisition_;
  const Space& space_;
  const ArsOptions& options_;
  std::uint64_t seed_;
  std::uint64_t trial_;
  PolicyShape shape_;
};

void append_by_reward(std::vector<Visit>& visits, std::vector<std::vector<double>>& points) {
  std::stable_sort(visits.begin(), visits.end(),
                   [](const Visit& a, const Visit& b) { return a.reward > b.reward; });
  for (Visit& visit : visits) points.push_back(std::move(visit.x));
}

}  // namespace

std::vector<std::vector<double>> augmented_random_search(const Acquisition& acquisition,
                                                         const Space& space,
                                                         const Eigen::MatrixXd& starts,
                                                         const ArsOptions& options,
                                                         std::uint64_t seed, std::uint64_t trial) {
  const Trainer trainer(acquisition, space, options, seed, trial);
  std::vector<Policy> policies;
  for (std::size_t l = 0; l < static_cast<std::size_t>(starts.rows()); ++l) {
    policies.push_back(trainer.make_policy(starts, l));
  }
  std::vector<Visit> training;
  for (std::size_t number = 0; number < options.steps; ++number) {
    trainer.step(policies, number, training);
  }
  std::vector<Visit> trained;
  for (const Policy& policy : policies) {
    Rollouts rollout = trainer.roll_out(policy, policy.weights);
    std::move(rollout.visits.begin(), rollout.visits.end(), std::back_inserter(trained));
  }
  std::vector<std::vector<double>> points;
  append_by_reward(trained, points);
  append_by_reward(training, points);
  return points;
}

}  // namespace paretiny
