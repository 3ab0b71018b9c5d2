#include "nas/samplers/random_search.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "kernels/random.h"
#include "nas/samplers/parallel_for.h"

namespace paretiny {
namespace {

/// Rollouts that share posterior calls; fixed, so that results do not depend on the threads.
constexpr Eigen::Index kChunk = 32;

/// One hidden layer: move = reach tanh(W2 tanh(W1 s + b1) + b2), weights in one vector.
struct PolicyShape {
  Eigen::Index inputs;
  Eigen::Index hidden;
  double reach;

  Eigen::Index weights() const { return (inputs + 1) * hidden + (hidden + 1) * inputs; }

  Eigen::VectorXd move(const Eigen::Ref<const Eigen::VectorXd>& w, const Eigen::VectorXd& s) const {
    const double* at = w.data();
    const Eigen::Map<const Eigen::MatrixXd> w1(at, hidden, inputs);
    const Eigen::Map<const Eigen::VectorXd> b1(at += hidden * inputs, hidden);
    const Eigen::Map<const Eigen::MatrixXd> w2(at += hidden, inputs, hidden);
    const Eigen::Map<const Eigen::VectorXd> b2(at += inputs * hidden, inputs);
    const Eigen::VectorXd h = (w1 * s + b1).array().tanh();
    return reach * (w2 * h + b2).array().tanh();
  }
};

/// Running mean and spread of the points a policy has seen, frozen within a step (V2).
struct Normaliser {
  double count = 0;
  Eigen::VectorXd sum;
  Eigen::VectorXd squares;

  Eigen::VectorXd operator()(const Eigen::VectorXd& s) const {
    if (count < 2) return s;
    const Eigen::ArrayXd mean = sum.array() / count;
    const Eigen::ArrayXd variance = squares.array() / count - mean.square();
    return (s.array() - mean) / variance.max(1e-6).sqrt();
  }
  void add(const Normaliser& other) {
    count += other.count;
    sum += other.sum;
    squares += other.squares;
  }
};

Normaliser empty_normaliser(Eigen::Index inputs) {
  return {0, Eigen::VectorXd::Zero(inputs), Eigen::VectorXd::Zero(inputs)};
}

struct Rollouts {
  Eigen::ArrayXd returns;  ///< [r]
  std::vector<Visit> visits;
  Normaliser seen;
};

struct Trainer {
  const Acquisition& acquisition;
  const Space& space;
  const ArsOptions& options;
  PolicyShape shape;

  Rollouts run(const Eigen::MatrixXd& weights, const Eigen::VectorXd& start, const Normaliser& n,
               bool keep) const {
    const Eigen::Index r = weights.cols();
    static const int kMode = std::getenv("ARS_RETURN") ? std::atoi(std::getenv("ARS_RETURN")) : 0;
    Rollouts out{
        Eigen::ArrayXd::Constant(r, kMode == 0 ? -1e300 : 0.0), {}, empty_normaliser(shape.inputs)};
    Eigen::MatrixXd state = start.replicate(1, r);
    Eigen::MatrixXd snapped(r, shape.inputs);
    for (std::size_t h = 0; h < options.horizon; ++h) {
      for (Eigen::Index i = 0; i < r; ++i) {
        Eigen::VectorXd s = state.col(i);
        out.seen.count += 1;
        out.seen.sum += s;
        out.seen.squares += s.cwiseAbs2();
        s += shape.move(weights.col(i), n(s));
        state.col(i) = s.cwiseMax(0.0).cwiseMin(1.0);
        const std::vector<double> x =
            space.snap(std::vector<double>(state.col(i).begin(), state.col(i).end()));
        snapped.row(i) = Eigen::Map<const Eigen::RowVectorXd>(x.data(), shape.inputs);
      }
      const Eigen::ArrayXd rewards = acquisition(snapped);
      if (kMode == 0) out.returns = out.returns.max(rewards);
      if (kMode == 1) out.returns += rewards / static_cast<double>(options.horizon);
      if (kMode == 2) out.returns = rewards;
      if (!keep) continue;
      for (Eigen::Index i = 0; i < r; ++i) {
        out.visits.push_back(
            {std::vector<double>(snapped.row(i).begin(), snapped.row(i).end()), rewards(i)});
      }
    }
    return out;
  }
};

}  // namespace

std::vector<Visit> augmented_random_search(const Acquisition& acquisition, const Space& space,
                                           const Eigen::MatrixXd& starts, const ArsOptions& options,
                                           std::uint64_t seed, std::uint64_t trial) {
  const PolicyShape shape{starts.cols(), static_cast<Eigen::Index>(options.hidden), options.reach};
  const Trainer trainer{acquisition, space, options, shape};
  const auto policies = static_cast<std::size_t>(starts.rows());
  const auto directions = static_cast<Eigen::Index>(options.directions);
  static const bool kAll = std::getenv("ARS_ALL") != nullptr;
  static const double kInit = std::getenv("ARS_INIT") ? std::atof(std::getenv("ARS_INIT")) : 1.0;

  std::vector<Eigen::VectorXd> theta;
  std::vector<Normaliser> normalisers(policies, empty_normaliser(shape.inputs));
  for (std::size_t l = 0; l < policies; ++l) {
    Eigen::VectorXd w = Eigen::VectorXd::Zero(shape.weights());
    Random random(seed, "ars policy", trial * options.policies + l);
    for (Eigen::Index i = 0; i < shape.inputs * shape.hidden; ++i)
      w(i) = kInit * random.normal() / std::sqrt(static_cast<double>(shape.inputs));
    theta.push_back(w);
  }
  std::vector<Visit> visits;
  const auto chunks = static_cast<std::size_t>((2 * directions + kChunk - 1) / kChunk);
  for (std::size_t step = 0; step < options.steps; ++step) {
    std::vector<Eigen::MatrixXd> phi(policies);
    for (std::size_t l = 0; l < policies; ++l) {
      Random random(seed, "ars directions", (trial * options.steps + step) * options.policies + l);
      phi[l].resize(shape.weights(), directions);
      for (double& value : phi[l].reshaped()) value = random.normal();
    }
    std::vector<Rollouts> done(policies * chunks);
    parallel_for(done.size(), [&](std::size_t task) {
      const std::size_t l = task / chunks;
      const Eigen::Index first = static_cast<Eigen::Index>(task % chunks) * kChunk;
      const Eigen::Index count = std::min(kChunk, 2 * directions - first);
      Eigen::MatrixXd weights(shape.weights(), count);
      for (Eigen::Index i = 0; i < count; ++i) {
        const double sign = (first + i) % 2 == 0 ? options.noise : -options.noise;
        weights.col(i) = theta[l] + sign * phi[l].col((first + i) / 2);
      }
      done[task] = trainer.run(weights, starts.row(static_cast<Eigen::Index>(l)).transpose(),
                               normalisers[l], kAll);
    });
    for (std::size_t l = 0; l < policies; ++l) {
      Eigen::ArrayXd returns(2 * directions);
      Normaliser& normaliser = normalisers[l];
      for (std::size_t c = 0; c < chunks; ++c) {
        Rollouts& r = done[l * chunks + c];
        returns.segment(static_cast<Eigen::Index>(c) * kChunk, r.returns.size()) = r.returns;
        normaliser.add(r.seen);
        for (auto& v : r.visits) visits.push_back(std::move(v));
      }
      std::vector<Eigen::Index> order(options.directions);
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](Eigen::Index i, Eigen::Index j) {
        return std::max(returns(2 * i), returns(2 * i + 1)) >
               std::max(returns(2 * j), returns(2 * j + 1));
      });
      order.resize(options.kept);
      double mean = 0, squares = 0;
      for (auto i : order) mean += (returns(2 * i) + returns(2 * i + 1)) / (2.0 * options.kept);
      for (auto i : order)
        squares += (std::pow(returns(2 * i) - mean, 2) + std::pow(returns(2 * i + 1) - mean, 2)) /
                   (2.0 * options.kept);
      const double sigma = std::sqrt(squares);
      if (!(sigma > 1e-12)) continue;
      Eigen::VectorXd update = Eigen::VectorXd::Zero(shape.weights());
      for (auto i : order) update += (returns(2 * i) - returns(2 * i + 1)) * phi[l].col(i);
      theta[l] += options.step_size / (options.kept * sigma) * update;
    }
  }
  for (std::size_t l = 0; l < policies; ++l) {
    Rollouts r = trainer.run(theta[l], starts.row(static_cast<Eigen::Index>(l)).transpose(),
                             normalisers[l], true);
    for (auto& v : r.visits) visits.push_back(std::move(v));
  }
  std::stable_sort(visits.begin(), visits.end(),
                   [](const Visit& a, const Visit& b) { return a.reward > b.reward; });
  return visits;
}

}  // namespace paretiny
