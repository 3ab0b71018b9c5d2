// Eight points side by side, a register of AVX-512: their table first, then the boxes one after
// another. A table costs more than the boxes until there are tens of boxes a level, but for what is
// certain.
#include "kernels/bayes/hypervolume_improvement.h"

#include <algorithm>

#include "kernels/bayes/box_gain.h"
#include "kernels/core/cpu/f64x8_math.h"
#include "kernels/core/host_device.h"
#include "kernels/core/threads.h"

namespace paretiny::cpu {
namespace {

struct Problem {
  std::int64_t objectives, levels, boxes, points;
  const double* level;            ///< [objectives, levels]
  const std::int32_t* box;        ///< [boxes, 2, objectives]
  const double *mean, *variance;  ///< [sets, points]

  Problem(const bayes::BoxCover& cover, const bayes::Beliefs& beliefs)
      : objectives(cover.levels.shape.w),
        levels(cover.levels.shape.c),
        boxes(cover.boxes.shape.n),
        points(beliefs.mean.shape.c),
        level(cover.levels.as<double>()),
        box(cover.boxes.as<std::int32_t>()),
        mean(beliefs.mean.as<double>()),
        variance(beliefs.variance.as<double>()) {}
};

/// Of one objective for eight points from `first`; the last point stands for those beyond.
struct Beliefs {
  alignas(F64x8) double mean[kWide], sigma[kWide], inverse[kWide], tail[kWide];

  Beliefs(const Problem& p, std::int64_t k, std::int64_t first) {
    const double reference = p.level[(k + 1) * p.levels - 1];
    for (std::int64_t i = 0; i < kWide; ++i) {
      const std::int64_t at = k * p.points + std::min(first + i, p.points - 1);
      mean[i] = p.mean[at];
      sigma[i] = std::sqrt(p.variance[at]);
      inverse[i] = bayes::inverse_sigma(sigma[i]);
      tail[i] = bayes::tail_distance(reference, mean[i], sigma[i]);
    }
  }

  /// As of an objective that is known before anything is trained.
  bool certain() const {
    return std::all_of(sigma, sigma + kWide, [](double s) { return s == 0; });
  }

  void certain_gaps(double level, double* gaps) const {
    F64x8 below;
    load(below, mean);
    below = level - below;
    store(gaps, below > 0.0 ? below : F64x8{});
  }

  void gaps(double level, double* gaps) const {
#pragma omp simd
    for (std::int64_t i = 0; i < kWide; ++i) {
      gaps[i] = bayes::exponent(bayes::distance(level - mean[i], inverse[i]), tail[i]);
    }
    F64x8 bell;
    load(bell, gaps);
    VectorMath::exponential(bell, bell);
    double bells[kWide];
    store(bells, bell);
#pragma omp simd
    for (std::int64_t i = 0; i < kWide; ++i) {
      const double below = level - mean[i];
      gaps[i] = bayes::gap(below, sigma[i], bayes::distance(below, inverse[i]), bells[i]);
    }
  }

  void log_gaps(double level, double* logs) const {
    double exponents[kWide], bells[kWide], rest[kWide];
#pragma omp simd
    for (std::int64_t i = 0; i < kWide; ++i) {
      exponents[i] = bayes::exponent(bayes::distance(level - mean[i], inverse[i]), 0);
    }
    F64x8 vector;
    load(vector, exponents);
    VectorMath::exponential(vector, vector);
    store(bells, vector);
#pragma omp simd
    for (std::int64_t i = 0; i < kWide; ++i) {
      const double below = level - mean[i];
      // Below the mean the exponent is added to the logarithm of the rest.
      rest[i] =
          bayes::gap(below, sigma[i], bayes::distance(below, inverse[i]), below > 0 ? bells[i] : 1);
      exponents[i] = below > 0 ? 0 : exponents[i];
    }
    load(vector, rest);
    logarithm(vector, vector);
    store(logs, vector);
#pragma omp simd
    for (std::int64_t i = 0; i < kWide; ++i) {
      logs[i] = rest[i] > 0 ? logs[i] + exponents[i] : kNothing;
    }
  }

  /// Stands for the logarithm of 0: sums of it are finite.
  static constexpr double kNothing = -1e300;
};

/// The improvement is sum * exp(-offset).
struct Gains {
  F64x8 sum{}, offset{};
  bool possible[kWide];  ///< whether the reference can be beaten in every objective
};

/// table: [objectives * levels], eight points each.
void gains_of(const Problem& p, std::int64_t first, F64x8* table, Gains& gains) {
  std::fill_n(gains.possible, kWide, true);
  for (std::int64_t k = 0; k < p.objectives; ++k) {
    const double* level = p.level + k * p.levels;
    const Beliefs beliefs(p, k, first);
    F64x8* row = table + k * p.levels;
    const bool certain = beliefs.certain();
    for (std::int64_t j = 0; j < p.levels; ++j) {
      auto* gaps = reinterpret_cast<double*>(row + j);
      certain ? beliefs.certain_gaps(level[j], gaps) : beliefs.gaps(level[j], gaps);
    }
    for (std::int64_t i = 0; i < kWide; ++i) {
      gains.offset[i] -= bayes::exponent(beliefs.tail[i], 0);
      gains.possible[i] &= row[p.levels - 1][i] > 0;
    }
  }
  const std::int32_t* box = p.box;
  for (std::int64_t b = 0; b < p.boxes; ++b, box += 2 * p.objectives) {
    F64x8 product = table[box[p.objectives]] - table[box[0]];
    for (std::int64_t k = 1; k < p.objectives; ++k) {
      const F64x8* row = table + k * p.levels;
      product *= row[box[p.objectives + k]] - row[box[k]];
    }
    gains.sum += product;
  }
}

bool any_above(const F64x8& lanes, double limit) {
  bool any = false;
  for (std::int64_t i = 0; i < kWide; ++i) any |= lanes[i] > limit;
  return any;
}

/// Logarithms of eight improvements, however small.
void log_gains_of(const Problem& p, std::int64_t first, F64x8* table, F64x8& logs) {
  for (std::int64_t k = 0; k < p.objectives; ++k) {
    const Beliefs beliefs(p, k, first);
    for (std::int64_t j = k * p.levels; j < (k + 1) * p.levels; ++j) {
      beliefs.log_gaps(p.level[j], reinterpret_cast<double*>(table + j));
    }
  }
  const std::int64_t m = p.objectives;
  const std::int32_t* end = p.box + p.boxes * 2 * m;
  F64x8 best = F64x8{} + bayes::kLeastLog;
  for (const std::int32_t* box = p.box; box != end; box += 2 * m) {
    F64x8 upper{};
    for (std::int64_t k = 0; k < m; ++k) upper += table[k * p.levels + box[m + k]];
    best = upper > best ? upper : best;
  }
  F64x8 sum{};
  for (const std::int32_t* box = p.box; box != end; box += 2 * m) {
    F64x8 weight{};
    for (std::int64_t k = 0; k < m; ++k) weight += table[k * p.levels + box[m + k]];
    weight -= best;
    // Even if differences of gaps leave the best box 1e-16 in every objective.
    constexpr double least = -300;
    if (!any_above(weight, least)) continue;
    VectorMath::exponential(weight, weight);
    for (std::int64_t k = 0; k < m; ++k) {
      const F64x8* row = table + k * p.levels;
      F64x8 ratio = row[box[k]] - row[box[m + k]];
      VectorMath::exponential(ratio, ratio);
      weight *= 1.0 - ratio;
    }
    sum += weight;
  }
  for (std::int64_t i = 0; i < kWide; ++i) {
    logs[i] =
        sum[i] > 0 ? std::max(bayes::kLeastLog, best[i] + std::log(sum[i])) : bayes::kLeastLog;
  }
}

/// f(problem, first point, number of points, table) for eight points at a time.
template <class F>
void each_eight(Stream& stream, const bayes::BoxCover& cover, const bayes::Beliefs& beliefs, F f) {
  const Problem problem(cover, beliefs);
  const std::int64_t entries = problem.objectives * problem.levels;
  const std::int64_t groups = ceil_div(problem.points, kWide);
  Arena::Scope scratch(stream.scratch());
  auto* tables = static_cast<F64x8*>(
      scratch.take(static_cast<std::size_t>(thread_count() * entries) * sizeof(F64x8)));
  parallel_for(groups, groups > 1, [&](std::int64_t group) {
    const std::int64_t first = group * kWide;
    f(problem, first, std::min(kWide, problem.points - first), tables + thread_index() * entries);
  });
}

void hypervolume_improvement(Stream& stream, const bayes::BoxCover& cover,
                             const bayes::Beliefs& beliefs, View improvement) {
  double* results = improvement.as<double>();
  each_eight(stream, cover, beliefs,
             [=](const Problem& problem, std::int64_t first, std::int64_t count, F64x8* table) {
               Gains gains;
               gains_of(problem, first, table, gains);
               for (std::int64_t i = 0; i < count; ++i) {
                 results[first + i] = std::max(0.0, gains.sum[i] * std::exp(-gains.offset[i]));
               }
             });
}

void add_log_hypervolume_improvement(Stream& stream, const bayes::BoxCover& cover,
                                     const bayes::Beliefs& beliefs, View reward) {
  double* results = reward.as<double>();
  each_eight(stream, cover, beliefs,
             [=](const Problem& problem, std::int64_t first, std::int64_t count, F64x8* table) {
               Gains gains;
               gains_of(problem, first, table, gains);
               bool small = false;
               for (std::int64_t i = 0; i < count; ++i) {
                 small |= gains.possible[i] && !(gains.sum[i] > bayes::kLeastSum);
               }
               F64x8 logs{};
               if (small) log_gains_of(problem, first, table, logs);
               for (std::int64_t i = 0; i < count; ++i) {
                 double log = gains.possible[i] ? logs[i] : bayes::kLeastLog;
                 if (gains.sum[i] > bayes::kLeastSum) {
                   log = std::max(bayes::kLeastLog, std::log(gains.sum[i]) - gains.offset[i]);
                 }
                 results[first + i] += log;
               }
             });
}

const Twin improvement(bayes::twins::hypervolume_improvement, DeviceKind::cpu,
                       hypervolume_improvement);
const Twin log_improvement(bayes::twins::add_log_hypervolume_improvement, DeviceKind::cpu,
                           add_log_hypervolume_improvement);

}  // namespace
}  // namespace paretiny::cpu
