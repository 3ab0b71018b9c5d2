#include "nas/samplers/proposal/random_search.h"

#include <cmath>

#include "kernels/bayes/policy_rollout.h"
#include "kernels/core/random.h"
#include "kernels/core/stop.h"

namespace paretiny::samplers {

using surrogate::DeviceArray;

namespace {

View part(const DeviceArray& array, std::int64_t index, const Shape& shape) {
  const View whole = array.view();
  const auto bytes = static_cast<std::size_t>(shape.elements()) * size_of(whole.dtype);
  return view(static_cast<std::byte*>(whole.data) + static_cast<std::size_t>(index) * bytes,
              whole.dtype, shape);
}

/// Policies, and the memory that walks of `rollouts` rollouts each take.
class Walker {
 public:
  Walker(const Reward& reward, const space::Space& space, const surrogate::RowMatrix& starts,
         const RandomSearchOptions& options)
      : reward_(reward),
        stream_(reward.surrogates().stream()),
        starts_(starts),
        horizon_(static_cast<std::int64_t>(options.horizon)) {
    shape_.policies = starts.rows();
    shape_.dimensions = starts.cols();
    shape_.hidden = static_cast<std::int64_t>(options.hidden);
    shape_.reach = options.reach / std::sqrt(static_cast<double>(starts.cols()));
    const std::vector<bayes::CubeParameter>& cube = space.cube();
    cube_ = DeviceArray(
        stream_, DType::u8,
        {1, 1, 1, static_cast<std::int64_t>(cube.size() * sizeof(bayes::CubeParameter))},
        cube.data());
  }

  const bayes::PolicyShape& shape() const { return shape_; }

  /// Memory of walks by `rollouts` rollouts of every policy.
  struct Room {
    std::int64_t rollouts = 0;
    DeviceArray states;   ///< [horizon + 1, policies, r, d]
    DeviceArray snapped;  ///< [horizon, policies, r, d]
    DeviceArray rewards;  ///< [horizon, 1, policies, r]
    DeviceArray mean, variance;
  };

  Room room(std::int64_t rollouts) const {
    const std::int64_t p = shape_.policies, d = shape_.dimensions;
    const std::int64_t sets = reward_.surrogates().shape().sets;
    Room room{rollouts,
              DeviceArray(stream_, DType::f64, {horizon_ + 1, p, rollouts, d}),
              DeviceArray(stream_, DType::f64, {horizon_, p, rollouts, d}),
              DeviceArray(stream_, DType::f64, {horizon_, 1, p, rollouts}),
              DeviceArray(stream_, DType::f64, {1, 1, sets, p * rollouts}),
              DeviceArray(stream_, DType::f64, {1, 1, sets, p * rollouts})};
    surrogate::RowMatrix first(p * rollouts, d);
    for (Eigen::Index i = 0; i < first.rows(); ++i) first.row(i) = starts_.row(i / rollouts);
    stream_.upload(room.states.view().data, first.data(),
                   static_cast<std::size_t>(first.size()) * sizeof(double));
    return room;
  }

  /// Walks every rollout from its policy's start and rewards each point.
  void walk(const Room& room, ConstView statistics, ConstView rollouts) const {
    const std::int64_t p = shape_.policies, d = shape_.dimensions, r = room.rollouts;
    const Shape states{p, 1, r, d};
    for (std::int64_t h = 0; h < horizon_; ++h) {
      const View snapped = part(room.snapped, h, states);
      bayes::policy_move(stream_, shape_,
                         {.cube = cube_,
                          .statistics = statistics,
                          .rollouts = rollouts,
                          .states = part(room.states, h, states),
                          .next = part(room.states, h + 1, states),
                          .snapped = snapped});
      reward_(view(snapped.data, DType::f64, {1, 1, p * r, d}), room.mean, room.variance,
              part(room.rewards, h, {1, 1, 1, p * r}));
    }
  }

  /// The states that the moves of a walk started from.
  ConstView started_from(const Room& room) const {
    return view(room.states.view().data, DType::f64,
                {horizon_, shape_.policies, room.rollouts, shape_.dimensions});
  }

  /// Waits for the stream.
  Visits visits(const Room& room) const {
    const std::int64_t count = horizon_ * shape_.policies * room.rollouts;
    return {room.snapped.download(stream_, count),
            room.rewards.download(stream_, 1).row(0).transpose()};
  }

 private:
  const Reward& reward_;
  Stream& stream_;
  const surrogate::RowMatrix& starts_;
  std::int64_t horizon_;
  bayes::PolicyShape shape_;
  DeviceArray cube_;
};

/// Weights of all policies, [policies, w]: random features, no move. (With all weights zero, as ARS
/// starts its linear policies, nothing but the output's bias would have a first-order effect.)
surrogate::RowMatrix first_weights(const bayes::PolicyShape& shape, std::uint64_t seed,
                                   std::uint64_t trial) {
  surrogate::RowMatrix weights = surrogate::RowMatrix::Zero(shape.policies, shape.weights());
  Random random(seed, "ars features", trial);
  const double scale = 1 / std::sqrt(static_cast<double>(shape.dimensions));
  for (Eigen::Index p = 0; p < weights.rows(); ++p) {
    for (Eigen::Index i = 0; i < shape.hidden * shape.dimensions; ++i) {
      weights(p, i) = scale * random.normal();
    }
  }
  return weights;
}

}  // namespace

Walks augmented_random_search(const Reward& reward, const space::Space& space,
                              const surrogate::RowMatrix& starts,
                              const RandomSearchOptions& options, std::uint64_t seed,
                              std::uint64_t trial, const std::stop_token& stop) {
  Stream& stream = reward.surrogates().stream();
  const Walker walker(reward, space, starts, options);
  const bayes::PolicyShape& shape = walker.shape();
  const std::int64_t p = shape.policies, w = shape.weights();
  const auto n = static_cast<std::int64_t>(options.directions);
  const DeviceArray weights(stream, DType::f64, {p, 1, 1, w},
                            first_weights(shape, seed, trial).data());
  const DeviceArray statistics(stream, DType::f64, {p, 1, 1, shape.statistics()});
  const DeviceArray update(stream, DType::i32, {1, 1, 1, 1});
  const DeviceArray directions(stream, DType::f64, {p, 1, n, w});
  const DeviceArray rollouts(stream, DType::f64, {p, 1, 2 * n, w});
  stream.zero(statistics.view().data, statistics.view().bytes());
  stream.zero(update.view().data, update.view().bytes());
  const Walker::Room room = walker.room(2 * n);
  Random keys(seed, "ars directions", trial);
  const std::uint64_t key = keys.key();

  const auto step = stream.record([&] {
    bayes::policy_perturb(
        stream, shape, options.noise, key,
        {.update = update, .weights = weights, .directions = directions, .rollouts = rollouts});
    walker.walk(room, statistics, rollouts);
    bayes::policy_update(stream, shape, static_cast<std::int64_t>(options.kept), options.step_size,
                         {.rewards = room.rewards,
                          .states = walker.started_from(room),
                          .directions = directions,
                          .weights = weights,
                          .statistics = statistics,
                          .update = update});
  });
  Walks walks;
  const Eigen::Index visited = room.rewards.view().elements();
  const Eigen::Index all = visited * static_cast<Eigen::Index>(options.steps);
  walks.training = {surrogate::RowMatrix(all, starts.cols()), Eigen::VectorXd(all)};
  for (std::size_t i = 0; i < options.steps; ++i) {
    heed(stop);
    step->run();
    const Visits visits = walker.visits(room);
    const Eigen::Index first = static_cast<Eigen::Index>(i) * visited;
    walks.training.points.middleRows(first, visited) = visits.points;
    walks.training.rewards.segment(first, visited) = visits.rewards;
  }
  const Walker::Room alone = walker.room(1);
  walker.walk(alone, statistics, weights);
  walks.trained = walker.visits(alone);
  return walks;
}

}  // namespace paretiny::samplers
