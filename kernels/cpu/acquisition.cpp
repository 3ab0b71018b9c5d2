#include "kernels/acquisition.h"

#include <omp.h>

#include <limits>

#include "kernels/cpu/f64_lanes.h"
#include "kernels/normal.h"

namespace paretiny::cpu {
namespace {

/// Points are taken sixteen at a time, a lane each.
std::int64_t vectors_of(std::int64_t q) {
  return (q + kF64Lanes - 1) / kF64Lanes;
}

/// `count` vectors of scratch for each thread.
F64x16* take_lanes(Arena::Scope& scratch, std::int64_t count) {
  const Shape shape{omp_get_max_threads(), 1, count, kF64Lanes};
  return static_cast<F64x16*>(scratch.take(DType::f64, shape).data);
}

/// log of the mean of softplus(z) over `samples` vectors.
F64x16 log_mean_softplus(const F64x16* z, std::int64_t samples) {
  F64x16 top = z[0];
  for (std::int64_t i = 1; i < samples; ++i) top = top.max(z[i]);
  // Lanes where softplus(z) = exp(z) to rounding: the exponent of the largest is taken out.
  const auto far = (top < kFarBelow).eval();
  const F64x16 taken = far.select(top, F64x16::Zero());
  F64x16 sum = F64x16::Zero();
  if (far.all()) {
    for (std::int64_t i = 0; i < samples; ++i) sum += (z[i] - taken).exp();
  } else {
    for (std::int64_t i = 0; i < samples; ++i) {
      const F64x16 power = far.select(z[i] - taken, -z[i].abs()).exp();
      sum += far.select(power, z[i].max(0.0) + log1p(power));
    }
  }
  return taken + (sum / static_cast<double>(samples)).log();
}

void add_log_scalarised_improvement(Stream& stream, const Scalarisation& s, ConstView mean,
                                    ConstView variance, View reward) {
  const std::int64_t q = reward.shape.c, m = s.low.shape.c, samples = s.normals.shape.w;
  const double* low = s.low.as<double>();
  const double* factor = s.factor.as<double>();
  Arena::Scope scratch(stream.scratch());
  F64x16* all_lanes = take_lanes(scratch, 2 * m + samples);
#pragma omp parallel for schedule(static)
  for (std::int64_t vector = 0; vector < vectors_of(q); ++vector) {
    const std::int64_t first = vector * kF64Lanes, width = std::min(kF64Lanes, q - first);
    F64x16* centre = all_lanes + omp_get_thread_num() * (2 * m + samples);
    F64x16* spread = centre + m;
    F64x16* z = spread + m;
    for (std::int64_t k = 0; k < m; ++k) {
      const std::int64_t at = k * q + first;
      centre[k] = (load_f64(mean.as<double>() + at, width) - low[k]) * factor[k];
      spread[k] = load_f64(variance.as<double>() + at, width).sqrt() * factor[k];
    }
    for (std::int64_t i = 0; i < samples; ++i) {
      const double* normal = s.normals.as<double>() + i * m;
      F64x16 sum = centre[0] + normal[0] * spread[0];
      F64x16 largest = sum;
      for (std::int64_t k = 1; k < m; ++k) {
        const F64x16 term = centre[k] + normal[k] * spread[k];
        largest = largest.max(term);
        sum += term;
      }
      z[i] = (s.best - largest - kAugmentation * sum) * (1 / s.softness);
    }
    const F64x16 value = log_mean_softplus(z, samples) + std::log(s.softness);
    double* at = reward.as<double>() + first;
    store_f64(at, load_f64(at, width) + value, width);
  }
}

void add_log_within(Stream&, ConstView limits, ConstView mean, ConstView variance, View reward) {
  const std::int64_t q = reward.shape.c;
#pragma omp parallel for schedule(static)
  for (std::int64_t i = 0; i < q; ++i) {
    double sum = 0;
    for (std::int64_t k = 0; k < mean.shape.w; ++k) {
      const double limit = limits.as<double>()[k];
      if (limit == std::numeric_limits<double>::infinity()) continue;
      const std::int64_t at = k * q + i;
      sum += log_normal_cdf((limit - mean.as<double>()[at]) / std::sqrt(variance.as<double>()[at]));
    }
    reward.as<double>()[i] += sum;
  }
}

/// Sum over trials [count, d] of exp(scale |x - trial|^2), x: [d] vectors.
F64x16 sum_of_kernels(const F64x16* x, std::int64_t d, double scale, const double* trials,
                      std::int64_t count) {
  F64x16 sum = F64x16::Zero();
  for (std::int64_t i = 0; i < count; ++i) {
    F64x16 distance = F64x16::Zero();
    for (std::int64_t k = 0; k < d; ++k) distance += (x[k] - trials[i * d + k]).square();
    sum += (scale * distance).exp();
  }
  return sum;
}

void add_log_survival(Stream& stream, double width, double taken_for_granted, ConstView survived,
                      ConstView failed, ConstView queries, View reward) {
  const std::int64_t q = queries.shape.w, d = queries.shape.c;
  const double scale = -0.5 / (static_cast<double>(d) * width * width);
  Arena::Scope scratch(stream.scratch());
  F64x16* all_lanes = take_lanes(scratch, d);
#pragma omp parallel for schedule(static)
  for (std::int64_t vector = 0; vector < vectors_of(q); ++vector) {
    const std::int64_t first = vector * kF64Lanes, lanes = std::min(kF64Lanes, q - first);
    F64x16* x = all_lanes + omp_get_thread_num() * d;
    const double* query = queries.as<double>() + first * d;
    for (std::int64_t k = 0; k < d; ++k) {
      for (std::int64_t j = 0; j < kF64Lanes; ++j) x[k](j) = j < lanes ? query[j * d + k] : 0;
    }
    const F64x16 good =
        taken_for_granted + sum_of_kernels(x, d, scale, survived.as<double>(), survived.shape.w);
    const F64x16 bad = sum_of_kernels(x, d, scale, failed.as<double>(), failed.shape.w);
    double* at = reward.as<double>() + first;
    store_f64(at, load_f64(at, lanes) - log1p(bad / good), lanes);
  }
}

const Twin improvement(twins::add_log_scalarised_improvement, DeviceKind::cpu,
                       add_log_scalarised_improvement);
const Twin within(twins::add_log_within, DeviceKind::cpu, add_log_within);
const Twin survival(twins::add_log_survival, DeviceKind::cpu, add_log_survival);

}  // namespace
}  // namespace paretiny::cpu
