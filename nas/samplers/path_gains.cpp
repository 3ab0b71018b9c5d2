// The gains of path_acquisition.h.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/acquisition.h"
#include "nas/pareto/boxes.h"
#include "nas/samplers/parallel_for.h"
#include "nas/samplers/path_acquisition.h"

namespace paretiny {
namespace {

/// Width of squareplus: of a scalarised objective of range 1, and of a standardised one.
constexpr double kWidth = 1e-3;
/// Added to a gain before its logarithm is taken.
constexpr double kLeastGain = 1e-280;

class ScalarisedGain final : public PathGain {
 public:
  ScalarisedGain(const Knowledge& knowledge, const Surrogates& surrogates,
                 const PosteriorPaths& paths, const std::vector<double>& weights)
      : low_(weights.size()), factor_(weights.size()) {
    for (std::size_t k = 0; k < weights.size(); ++k) {
      double low = std::numeric_limits<double>::infinity();
      double high = -low;
      for (const Knowledge::Trial& trial : knowledge.trials) {
        if (!trial.complete) continue;
        low = std::min(low, surrogates.standard(k).of(trial.objectives[k]));
        high = std::max(high, surrogates.standard(k).of(trial.objectives[k]));
      }
      low_[k] = low;
      factor_[k] = weights[k] / (high > low ? high - low : 1);
    }
    const RowMatrix points = baseline(knowledge);
    const RowMatrix values = paths.values(points);
    best_.assign(static_cast<std::size_t>(paths.paths()), std::numeric_limits<double>::infinity());
    std::vector<double> objectives(weights.size());
    for (Eigen::Index p = 0; p < values.cols(); ++p) {
      double& best = best_[static_cast<std::size_t>(p)];
      for (Eigen::Index i = 0; i < points.rows(); ++i) {
        for (std::size_t k = 0; k < weights.size(); ++k) {
          objectives[k] = values(static_cast<Eigen::Index>(k) * points.rows() + i, p);
        }
        std::size_t leading = 0;
        best = std::min(best, scalarised(objectives.data(), leading));
      }
    }
  }

  double operator()(std::size_t path, const double* objectives, double* slopes) const override {
    std::size_t leading = 0;
    const double gain = best_[path] - scalarised(objectives, leading);
    const double value = squareplus(gain, kWidth) + kLeastGain;
    const double slope = -squareplus_slope(gain, kWidth) / value;
    for (std::size_t k = 0; k < low_.size(); ++k) {
      slopes[k] = slope * factor_[k] * ((k == leading ? 1 : 0) + kAugmentation);
    }
    return std::log(value);
  }

 private:
  double scalarised(const double* objectives, std::size_t& leading) const {
    double largest = -std::numeric_limits<double>::infinity();
    double sum = 0;
    for (std::size_t k = 0; k < low_.size(); ++k) {
      const double term = (objectives[k] - low_[k]) * factor_[k];
      sum += term;
      if (term > largest) {
        largest = term;
        leading = k;
      }
    }
    return largest + kAugmentation * sum;
  }

  std::vector<double> low_, factor_;
  std::vector<double> best_;  ///< of each draw
};

class HypervolumeGain final : public PathGain {
 public:
  HypervolumeGain(const Knowledge& knowledge, const Surrogates& surrogates,
                  const PosteriorPaths& paths, const std::vector<double>& reference)
      : boxes_(static_cast<std::size_t>(paths.paths())) {
    std::vector<double> standardised;
    for (std::size_t k = 0; k < reference.size(); ++k) {
      standardised.push_back(surrogates.standard(k).of(reference[k]));
    }
    const RowMatrix points = baseline(knowledge);
    const RowMatrix values = paths.values(points);
    parallel_for(boxes_.size(), [&](std::size_t p) {
      Points front(static_cast<std::size_t>(points.rows()));
      for (std::size_t i = 0; i < front.size(); ++i) {
        for (std::size_t k = 0; k < reference.size(); ++k) {
          front[i].push_back(
              values(static_cast<Eigen::Index>(k) * points.rows() + static_cast<Eigen::Index>(i),
                     static_cast<Eigen::Index>(p)));
        }
      }
      boxes_[p] = undominated_boxes(front, standardised);
    });
  }

  double operator()(std::size_t path, const double* objectives, double* slopes) const override {
    // A box is a product over objectives of how much of its side lies beyond the point:
    // squareplus(upper - y) - squareplus(lower - y), of which each level has one.
    const Boxes& boxes = boxes_[path];
    const std::size_t m = boxes.objectives;
    const std::size_t levels = boxes.level_count();
    std::vector<double> beyond(m * levels), falls(m * levels);
    for (std::size_t k = 0; k < m; ++k) {
      for (std::size_t l = 1; l < levels; ++l) {  // level 0 is -infinity: nothing beyond
        const double t = boxes.levels[k * levels + l] - objectives[k];
        beyond[k * levels + l] = squareplus(t, kWidth);
        falls[k * levels + l] = squareplus_slope(t, kWidth);
      }
    }
    double gain = kLeastGain;
    std::fill(slopes, slopes + m, 0.0);
    std::vector<double> side(m);
    for (std::size_t b = 0; b < boxes.count(); ++b) {
      const std::int32_t* lower = &boxes.corners[2 * m * b];
      const std::int32_t* upper = lower + m;
      double volume = 1;
      for (std::size_t k = 0; k < m; ++k) {
        const double* table = &beyond[k * levels];
        side[k] = table[upper[k]] - table[lower[k]];
        volume *= side[k];
      }
      gain += volume;
      for (std::size_t k = 0; k < m; ++k) {
        if (side[k] <= 0) continue;
        const double* table = &falls[k * levels];
        slopes[k] -= volume / side[k] * (table[upper[k]] - table[lower[k]]);
      }
    }
    for (std::size_t k = 0; k < m; ++k) slopes[k] /= gain;
    return std::log(gain);
  }

 private:
  std::vector<Boxes> boxes_;  ///< of each draw
};

}  // namespace

std::unique_ptr<PathGain> scalarised_gain(const Knowledge& knowledge, const Surrogates& surrogates,
                                          const PosteriorPaths& paths,
                                          const std::vector<double>& weights) {
  return std::make_unique<ScalarisedGain>(knowledge, surrogates, paths, weights);
}

std::unique_ptr<PathGain> hypervolume_gain(const Knowledge& knowledge, const Surrogates& surrogates,
                                           const PosteriorPaths& paths,
                                           const std::vector<double>& reference) {
  return std::make_unique<HypervolumeGain>(knowledge, surrogates, paths, reference);
}

}  // namespace paretiny
