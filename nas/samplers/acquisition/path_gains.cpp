// The gains of path_acquisition.h.
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/bayes/acquisition.h"
#include "kernels/core/cpu/f64x8.h"
#include "kernels/core/stop.h"
#include "kernels/core/threads.h"
#include "nas/pareto/boxes.h"
#include "nas/samplers/acquisition/path_acquisition.h"

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

/// Derivatives of a box's volume need no loops where the number of objectives is known; `f` is
/// called with it as a constant, 0 for more than five.
template <class F>
void with_objectives(std::size_t objectives, const F& f) {
  switch (objectives) {
    case 1:
      return f(std::integral_constant<std::size_t, 1>());
    case 2:
      return f(std::integral_constant<std::size_t, 2>());
    case 3:
      return f(std::integral_constant<std::size_t, 3>());
    case 4:
      return f(std::integral_constant<std::size_t, 4>());
    case 5:
      return f(std::integral_constant<std::size_t, 5>());
    default:
      return f(std::integral_constant<std::size_t, 0>());
  }
}

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
    const auto objective_count = static_cast<std::size_t>(m);
    Workspace workspace(boxes_[path], slopes != nullptr);
    with_objectives(objective_count, [&](auto constant) {
      for (Eigen::Index first = 0; first < q; first += cpu::kWide) {
        const Eigen::Index count = std::min<Eigen::Index>(cpu::kWide, q - first);
        for (Eigen::Index k = 0; k < m; ++k) {
          const auto at = static_cast<std::size_t>(k);
          // The last candidate stands for those beyond.
          cpu::F64x8& y = workspace.y[at];
          y = cpu::F64x8{} + share(at, objectives(k, first + count - 1));
          for (Eigen::Index i = 0; i + 1 < count; ++i) y[i] = share(at, objectives(k, first + i));
        }
        gain_of<constant()>(boxes_[path], workspace);
        for (Eigen::Index i = 0; i < count; ++i) {
          const double found = workspace.gain[i];
          const double gain = (found > 0 ? found : 0) + kLeastGain;
          logs(first + i) = std::log(gain);
          if (slopes == nullptr) continue;
          for (std::size_t k = 0; k < objective_count; ++k) {
            const auto row = static_cast<Eigen::Index>(k);
            (*slopes)(row, first + i) =
                workspace.slopes[k][i] / gain * share_slope(k, objectives(row, first + i));
          }
        }
      }
    });
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
    // A copy: Eigen adds what lies in a vector in an order that depends on its address.
    const Eigen::ArrayXd values =
        Eigen::Map<const Eigen::ArrayXd>(of.data(), static_cast<Eigen::Index>(of.size()));
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

  /// Eight candidates side by side, a register of AVX-512, and what their gain is made of.
  struct Workspace {
    std::vector<cpu::F64x8> y;              ///< [objectives]
    std::vector<cpu::F64x8> beyond, falls;  ///< [objectives, levels]: sides, and their slopes
    std::vector<cpu::F64x8> side, before;   ///< [objectives], of a box
    std::vector<cpu::F64x8> slopes;         ///< [objectives]; empty: not wanted
    cpu::F64x8 gain{};

    Workspace(const pareto::Boxes& boxes, bool with_slopes)
        : y(boxes.objectives),
          beyond(boxes.levels.size()),
          falls(with_slopes ? boxes.levels.size() : 0),
          side(boxes.objectives),
          before(boxes.objectives),
          slopes(with_slopes ? boxes.objectives : 0) {}
  };

  /// The gain of candidates and, if wanted, its derivatives. A box is a product over objectives of
  /// how much of its side lies beyond the candidate: squareplus(upper - y) - squareplus(lower - y),
  /// of which each level has one. kObjectives: 0 for any number.
  template <std::size_t kObjectives>
  static void gain_of(const pareto::Boxes& boxes, Workspace& w) {
    const std::size_t levels = boxes.level_count();
    for (std::size_t at = 0; at < w.beyond.size(); ++at) {
      // Level 0 is -infinity: nothing is beyond.
      const bool none = at % levels == 0;
      const cpu::F64x8 t = (none ? 0 : boxes.levels[at]) - w.y[at / levels];
      cpu::F64x8 inverse_root, inverse;
      const cpu::F64x8 squared = t * t + 4 * kWidth * kWidth;
      cpu::VectorMath::reciprocal_root(squared, inverse_root);
      const cpu::F64x8 both = squared * inverse_root + (t > 0.0 ? t : -t);
      cpu::VectorMath::reciprocal(both, inverse);
      const cpu::F64x8 side = t > 0.0 ? both / 2.0 : 2 * kWidth * kWidth * inverse;
      w.beyond[at] = none ? cpu::F64x8{} : side;
      if (!w.falls.empty()) w.falls[at] = w.beyond[at] * inverse_root;
    }
    w.gain = cpu::F64x8{};
    std::fill(w.slopes.begin(), w.slopes.end(), cpu::F64x8{});
    w.slopes.empty() ? add_boxes<kObjectives, false>(boxes, w)
                     : add_boxes<kObjectives, true>(boxes, w);
  }

  template <std::size_t kObjectives, bool kSlopes>
  static void add_boxes(const pareto::Boxes& boxes, Workspace& w) {
    constexpr std::size_t kLocal = std::max<std::size_t>(kObjectives, 1);
    const std::size_t m = kObjectives > 0 ? kObjectives : boxes.objectives;
    const std::size_t levels = boxes.level_count();
    // In registers where their number is known. before: the product of the sides below k.
    cpu::F64x8 sides[kLocal], befores[kLocal], sums[kLocal] = {};
    cpu::F64x8* side = kObjectives > 0 ? sides : w.side.data();
    cpu::F64x8* before = kObjectives > 0 ? befores : w.before.data();
    cpu::F64x8* slopes = kObjectives > 0 ? sums : w.slopes.data();
    cpu::F64x8 gain{};
    const std::int32_t* lower = boxes.corners.data();
    for (std::size_t b = 0; b < boxes.count(); ++b, lower += 2 * m) {
      const std::int32_t* upper = lower + m;
      cpu::F64x8 volume = cpu::F64x8{} + 1.0;
      for (std::size_t k = 0; k < m; ++k) {
        const cpu::F64x8* table = &w.beyond[k * levels];
        side[k] = table[upper[k]] - table[lower[k]];
        before[k] = volume;
        volume *= side[k];
      }
      gain += volume;
      if (!kSlopes) continue;
      cpu::F64x8 after = cpu::F64x8{} + 1.0;
      for (std::size_t k = m; k-- > 0;) {
        const cpu::F64x8* table = &w.falls[k * levels];
        slopes[k] -= before[k] * after * (table[upper[k]] - table[lower[k]]);
        after *= side[k];
      }
    }
    w.gain = gain;
    if (kSlopes && kObjectives > 0) std::copy_n(sums, m, w.slopes.begin());
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
