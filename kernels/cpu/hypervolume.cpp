// Eight points side by side, a register of AVX-512: their tables first, then the boxes one after
// another. The tables cost more than the boxes until there are tens of boxes a level.
#include "kernels/hypervolume.h"

#include <omp.h>

#include <Eigen/Core>
#include <algorithm>

#include "kernels/box_gain.h"

namespace paretiny::cpu {
namespace {

constexpr int kPoints = 8;
/// Of a density that counts: exp(-690) is far below kLeastSum, and above subnormal numbers, which
/// are slow.
constexpr double kLeastExponent = -690;
using Lanes = Eigen::Array<double, kPoints, 1>;

/// What a suggestion's calls are about: boxes, levels and beliefs.
struct Problem {
  std::int64_t objectives, levels, boxes, points;
  const double* level;            ///< [objectives, levels]
  const std::int32_t* box;        ///< [boxes, 2, objectives]
  const double *mean, *variance;  ///< [sets, points]

  Problem(const BoxCover& cover, ConstView mean_view, ConstView variance_view)
      : objectives(cover.levels.shape.w),
        levels(cover.levels.shape.c),
        boxes(cover.boxes.shape.n),
        points(mean_view.shape.c),
        level(cover.levels.as<double>()),
        box(cover.boxes.as<std::int32_t>()),
        mean(mean_view.as<double>()),
        variance(variance_view.as<double>()) {}
};

/// Of one objective for eight points from `first`; the last point stands for those beyond.
struct Beliefs {
  alignas(Lanes) double mean[kPoints], sigma[kPoints], inverse[kPoints], tail[kPoints];

  Beliefs(const Problem& p, std::int64_t k, std::int64_t first) {
    const double reference = p.level[(k + 1) * p.levels - 1];
    for (int i = 0; i < kPoints; ++i) {
      const std::int64_t at = k * p.points + std::min(first + i, p.points - 1);
      mean[i] = p.mean[at];
      sigma[i] = std::sqrt(p.variance[at]);
      inverse[i] = inverse_sigma(sigma[i]);
      tail[i] = tail_distance(reference, mean[i], sigma[i]);
    }
  }

  /// Whether nothing is uncertain, as where an objective is known before anything is trained.
  bool certain() const {
    return std::all_of(sigma, sigma + kPoints, [](double s) { return s == 0; });
  }

  void certain_gaps(double level, Lanes& result) const {
    result = (level - Lanes::Map(mean)).max(0);
  }

  void gaps(double level, Lanes& result) const {
    double* gaps = result.data();
#pragma omp simd
    for (int i = 0; i < kPoints; ++i) {
      const double e = exponent(distance(level - mean[i], inverse[i]), tail[i]);
      gaps[i] = e > kLeastExponent ? e : kLeastExponent;
    }
    const Lanes bell = result.exp();
    const double* bells = bell.data();
#pragma omp simd
    for (int i = 0; i < kPoints; ++i) {
      const double below = level - mean[i];
      const double kept = gaps[i] > kLeastExponent ? bells[i] : 0;
      gaps[i] = gap(below, sigma[i], distance(below, inverse[i]), kept);
    }
  }
};

/// The improvement is sum * exp(-offset).
struct Gains {
  Lanes sum = Lanes::Zero();
  Lanes offset = Lanes::Zero();
};

/// table: [objectives * levels] of Lanes.
Gains gains_of(const Problem& p, std::int64_t first, Lanes* table) {
  Gains gains;
  for (std::int64_t k = 0; k < p.objectives; ++k) {
    const double* level = p.level + k * p.levels;
    const Beliefs beliefs(p, k, first);
    for (int i = 0; i < kPoints; ++i) gains.offset[i] -= exponent(beliefs.tail[i], 0);
    Lanes* row = table + k * p.levels;
    if (beliefs.certain()) {
      for (std::int64_t j = 0; j < p.levels; ++j) beliefs.certain_gaps(level[j], row[j]);
    } else {
      for (std::int64_t j = 0; j < p.levels; ++j) beliefs.gaps(level[j], row[j]);
    }
  }
  const std::int32_t* box = p.box;
  for (std::int64_t b = 0; b < p.boxes; ++b, box += 2 * p.objectives) {
    Lanes product = table[box[p.objectives]] - table[box[0]];
    for (std::int64_t k = 1; k < p.objectives; ++k) {
      const Lanes* row = table + k * p.levels;
      product *= row[box[p.objectives + k]] - row[box[k]];
    }
    gains.sum += product;
  }
  return gains;
}

/// table: [objectives, levels] of room.
double log_gain(const Problem& p, std::int64_t point, double* table) {
  for (std::int64_t k = 0; k < p.objectives; ++k) {
    const std::int64_t at = k * p.points + point;
    for (std::int64_t j = 0; j < p.levels; ++j) {
      table[k * p.levels + j] = log_gap(p.level[k * p.levels + j], p.mean[at], p.variance[at]);
    }
  }
  const std::int64_t stride = 2 * p.objectives;
  double shift = kLeastLog;
  for (std::int64_t b = 0; b < p.boxes; ++b) {
    shift = std::max(shift, log_upper(table, p.levels, p.box + b * stride, p.objectives));
  }
  if (!(shift > kLeastLog)) return kLeastLog;
  double sum = 0;
  for (std::int64_t b = 0; b < p.boxes; ++b) {
    sum += shifted_gain(table, p.levels, p.box + b * stride, p.objectives, shift);
  }
  return std::max(kLeastLog, shift + std::log(sum));
}

/// f(problem, gains, first point, number of points, room for a point's table) for eight points at a
/// time.
template <class F>
void each_eight(Stream& stream, const BoxCover& cover, ConstView mean, ConstView variance, F f) {
  const Problem problem(cover, mean, variance);
  const std::int64_t entries = problem.objectives * problem.levels;
  const std::int64_t groups = (problem.points + kPoints - 1) / kPoints;
  Arena::Scope scratch(stream.scratch());
  auto* tables = static_cast<Lanes*>(
      scratch.take(static_cast<std::size_t>(omp_get_max_threads() * entries) * sizeof(Lanes)));
#pragma omp parallel for schedule(static) if (groups > 1)
  for (std::int64_t group = 0; group < groups; ++group) {
    Lanes* table = tables + omp_get_thread_num() * entries;
    const std::int64_t first = group * kPoints;
    const Gains gains = gains_of(problem, first, table);
    // Once there are gains the table's memory is free for logarithms.
    f(problem, gains, first, std::min<std::int64_t>(kPoints, problem.points - first),
      table->data());
  }
}

void hypervolume_improvement(Stream& stream, const BoxCover& cover, ConstView mean,
                             ConstView variance, View improvement) {
  double* results = improvement.as<double>();
  each_eight(
      stream, cover, mean, variance,
      [=](const Problem&, const Gains& gains, std::int64_t first, std::int64_t count, double*) {
        for (std::int64_t i = 0; i < count; ++i) {
          results[first + i] = std::max(0.0, gains.sum[i] * std::exp(-gains.offset[i]));
        }
      });
}

void add_log_hypervolume_improvement(Stream& stream, const BoxCover& cover, ConstView mean,
                                     ConstView variance, View reward) {
  double* results = reward.as<double>();
  each_eight(stream, cover, mean, variance,
             [=](const Problem& problem, const Gains& gains, std::int64_t first, std::int64_t count,
                 double* room) {
               for (std::int64_t i = 0; i < count; ++i) {
                 results[first + i] +=
                     gains.sum[i] > kLeastSum
                         ? std::max(kLeastLog, std::log(gains.sum[i]) - gains.offset[i])
                         : log_gain(problem, first + i, room);
               }
             });
}

const Twin improvement(twins::hypervolume_improvement, DeviceKind::cpu, hypervolume_improvement);
const Twin log_improvement(twins::add_log_hypervolume_improvement, DeviceKind::cpu,
                           add_log_hypervolume_improvement);

}  // namespace
}  // namespace paretiny::cpu
