// The gains of path_acquisition.h.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/bayes/acquisition.h"
#include "kernels/core/stop.h"
#include "kernels/core/threads.h"
#include "nas/pareto/boxes.h"
#include "nas/samplers/parts/path_acquisition.h"

namespace paretiny::samplers {
namespace {

/// Width of squareplus: of a scalarised objective of range 1, and of one of deviation 1.
constexpr double kWidth = 1e-3;
/// Added to a gain before its logarithm is taken.
constexpr double kLeastGain = 1e-280;

class ScalarisedGain final : public PathGain {
 public:
  ScalarisedGain(const Knowledge& knowledge, const surrogate::Surrogates& surrogates,
                 const surrogate::PosteriorPaths& paths, const std::vector<double>& weights)
      : low_(static_cast<Eigen::Index>(weights.size())), factor_(low_.size()) {
    for (std::size_t k = 0; k < weights.size(); ++k) {
      double low = std::numeric_limits<double>::infinity();
      double high = -low;
      for (const Knowledge::MeasuredTrial& trial : knowledge.trials) {
        if (!trial.complete) continue;
        low = std::min(low, surrogates.standard(k).of(trial.objectives[k]));
        high = std::max(high, surrogates.standard(k).of(trial.objectives[k]));
      }
      low_(static_cast<Eigen::Index>(k)) = low;
      factor_(static_cast<Eigen::Index>(k)) = weights[k] / (high > low ? high - low : 1);
    }
    const surrogate::RowMatrix points = baseline(knowledge);
    const surrogate::RowMatrix values = paths.values(points);
    best_.assign(static_cast<std::size_t>(paths.paths()), std::numeric_limits<double>::infinity());
    Eigen::VectorXd objectives(low_.size());
    for (Eigen::Index p = 0; p < values.cols(); ++p) {
      double& best = best_[static_cast<std::size_t>(p)];
      for (Eigen::Index i = 0; i < points.rows(); ++i) {
        for (Eigen::Index k = 0; k < objectives.size(); ++k) {
          objectives(k) = values(k * points.rows() + i, p);
        }
        Eigen::Index leading = 0;
        best = std::min(best, scalarised(objectives, leading));
      }
    }
  }

  Eigen::VectorXd operator()(std::size_t path, const surrogate::RowMatrix& objectives,
                             surrogate::RowMatrix* slopes) const override {
    Eigen::VectorXd logs(objectives.cols());
    if (slopes != nullptr) slopes->resize(objectives.rows(), objectives.cols());
    for (Eigen::Index i = 0; i < objectives.cols(); ++i) {
      Eigen::Index leading = 0;
      const double gain = best_[path] - scalarised(objectives.col(i), leading);
      const double value = squareplus(gain, kWidth) + kLeastGain;
      logs(i) = std::log(value);
      if (slopes == nullptr) continue;
      const double slope = -squareplus_slope(gain, kWidth) / value;
      slopes->col(i) = slope * bayes::kAugmentation * factor_;
      (*slopes)(leading, i) += slope * factor_(leading);
    }
    return logs;
  }

 private:
  double scalarised(const Eigen::VectorXd& objectives, Eigen::Index& leading) const {
    const Eigen::VectorXd terms = (objectives - low_).cwiseProduct(factor_);
    return terms.maxCoeff(&leading) + bayes::kAugmentation * terms.sum();
  }

  Eigen::VectorXd low_, factor_;
  std::vector<double> best_;  ///< of each draw
};

/// Candidates side by side: a register of AVX-512.
constexpr Eigen::Index kLanes = 8;
using Lanes = Eigen::Array<double, kLanes, 1>;

class HypervolumeGain final : public PathGain {
 public:
  HypervolumeGain(const Knowledge& knowledge, const surrogate::Surrogates& surrogates,
                  const surrogate::PosteriorPaths& paths,
                  const std::vector<ObjectiveTransform>& transforms,
                  const std::vector<double>& reference, const std::stop_token& stop)
      : boxes_(static_cast<std::size_t>(paths.paths())), transforms_(transforms) {
    std::vector<double> shares;
    for (std::size_t k = 0; k < reference.size(); ++k) {
      standards_.push_back(surrogates.standard(k));
      units_.push_back(1);
      const double limit = transforms_[k].share(reference[k]);
      units_[k] = deviation_below(limit, k, surrogates.training(k).y);
      shares.push_back(limit / units_[k]);
    }
    const surrogate::RowMatrix points = baseline(knowledge);
    const surrogate::RowMatrix values = paths.values(points);
    parallel_each(paths.paths(), true, [&](std::int64_t path) {
      const auto p = static_cast<std::size_t>(path);
      heed(stop);
      pareto::Points front(static_cast<std::size_t>(points.rows()));
      for (std::size_t i = 0; i < front.size(); ++i) {
        for (std::size_t k = 0; k < reference.size(); ++k) {
          const Eigen::Index row =
              static_cast<Eigen::Index>(k) * points.rows() + static_cast<Eigen::Index>(i);
          front[i].push_back(share(k, values(row, static_cast<Eigen::Index>(p))));
        }
      }
      boxes_[p] = pareto::undominated_boxes(front, shares);
    });
  }

  Eigen::VectorXd operator()(std::size_t path, const surrogate::RowMatrix& objectives,
                             surrogate::RowMatrix* slopes) const override {
    const Eigen::Index m = objectives.rows(), q = objectives.cols();
    Eigen::VectorXd logs(q);
    if (slopes != nullptr) slopes->resize(m, q);
    for (Eigen::Index first = 0; first < q; first += kLanes) {
      const Eigen::Index count = std::min(kLanes, q - first);
      std::vector<Lanes> y(static_cast<std::size_t>(m)), by(slopes == nullptr ? 0 : y.size());
      for (Eigen::Index k = 0; k < m; ++k) {
        // The last candidate stands for those beyond.
        const auto at = static_cast<std::size_t>(k);
        y[at].setConstant(share(at, objectives(k, first + count - 1)));
        for (Eigen::Index i = 0; i + 1 < count; ++i) y[at](i) = share(at, objectives(k, first + i));
      }
      const Lanes gain = gain_of(boxes_[path], y, by).max(0) + kLeastGain;
      logs.segment(first, count) = gain.log().head(count);
      for (std::size_t k = 0; k < by.size(); ++k) {
        for (Eigen::Index i = 0; i < count; ++i) {
          (*slopes)(static_cast<Eigen::Index>(k), first + i) =
              by[k](i) / gain(i) *
              share_slope(k, objectives(static_cast<Eigen::Index>(k), first + i));
        }
      }
    }
    return logs;
  }

 private:
  /// Standard deviation of the shares up to the reference's, of all where less than two are below
  /// it: the smoothing has to be fine beside what is told apart.
  double deviation_below(double limit, std::size_t k, const Eigen::VectorXd& y) const {
    std::vector<double> below, all;
    for (const double standardised : y) {
      all.push_back(share(k, standardised));
      if (all.back() <= limit) below.push_back(all.back());
    }
    const std::vector<double>& of = below.size() < 2 ? all : below;
    const Eigen::Map<const Eigen::ArrayXd> values(of.data(), static_cast<Eigen::Index>(of.size()));
    const double deviation = std::sqrt((values - values.mean()).square().mean());
    return deviation > 0 && std::isfinite(deviation) ? deviation : 1;
  }

  /// A standardised objective as a share of its range, over its unit.
  double share(std::size_t k, double standardised) const {
    return transforms_[k].share(standards_[k].back(standardised)) / units_[k];
  }
  double share_slope(std::size_t k, double standardised) const {
    return transforms_[k].share_slope(standards_[k].back(standardised)) * standards_[k].scale /
           units_[k];
  }

  /// The gain of eight candidates y [m] and, unless it is empty, its derivatives [m]. A box is a
  /// product over objectives of how much of its side lies beyond the candidate:
  /// squareplus(upper - y) - squareplus(lower - y), of which each level has one.
  static Lanes gain_of(const pareto::Boxes& boxes, const std::vector<Lanes>& y,
                       std::vector<Lanes>& slopes) {
    const std::size_t m = boxes.objectives, levels = boxes.level_count();
    std::vector<Lanes> beyond(m * levels), falls(slopes.empty() ? 0 : m * levels);
    for (std::size_t at = 0; at < m * levels; ++at) {
      // Level 0 is -infinity: nothing is beyond.
      const bool none = at % levels == 0;
      const Lanes t = (none ? 0 : boxes.levels[at]) - y[at / levels];
      const Lanes root = (t * t + 4 * kWidth * kWidth).sqrt();
      beyond[at] =
          none ? Lanes(0) : (t > 0).select((t + root) / 2, 2 * kWidth * kWidth / (root - t));
      if (!slopes.empty()) falls[at] = beyond[at] / root;
    }
    Lanes gain = Lanes::Zero();
    std::fill(slopes.begin(), slopes.end(), Lanes::Zero());
    std::vector<Lanes> side(m), before(m);  // before: the product of the sides below k
    const std::int32_t* lower = boxes.corners.data();
    for (std::size_t b = 0; b < boxes.count(); ++b, lower += 2 * m) {
      const std::int32_t* upper = lower + m;
      Lanes volume = Lanes::Ones();
      for (std::size_t k = 0; k < m; ++k) {
        const Lanes* table = &beyond[k * levels];
        side[k] = table[upper[k]] - table[lower[k]];
        before[k] = volume;
        volume *= side[k];
      }
      gain += volume;
      if (slopes.empty()) continue;
      Lanes after = Lanes::Ones();
      for (std::size_t k = m; k-- > 0;) {
        const Lanes* table = &falls[k * levels];
        slopes[k] -= before[k] * after * (table[upper[k]] - table[lower[k]]);
        after *= side[k];
      }
    }
    return gain;
  }

  std::vector<pareto::Boxes> boxes_;  ///< of each draw
  const std::vector<ObjectiveTransform> transforms_;
  std::vector<surrogate::Standard> standards_;
  std::vector<double> units_;  ///< [objectives], shares
};

}  // namespace

std::unique_ptr<PathGain> scalarised_gain(const Knowledge& knowledge,
                                          const surrogate::Surrogates& surrogates,
                                          const surrogate::PosteriorPaths& paths,
                                          const std::vector<double>& weights) {
  return std::make_unique<ScalarisedGain>(knowledge, surrogates, paths, weights);
}

std::unique_ptr<PathGain> hypervolume_gain(const Knowledge& knowledge,
                                           const surrogate::Surrogates& surrogates,
                                           const surrogate::PosteriorPaths& paths,
                                           const std::vector<ObjectiveTransform>& transforms,
                                           const std::vector<double>& reference,
                                           const std::stop_token& stop) {
  return std::make_unique<HypervolumeGain>(knowledge, surrogates, paths, transforms, reference,
                                           stop);
}

}  // namespace paretiny::samplers
