// A point takes objectives x samples multiply-adds, and an exponential and a logarithm a sample; 16
// bytes are read for each of its beliefs.
#include "kernels/bayes/acquisition.h"

#include <cmath>
#include <limits>

#include "kernels/bayes/normal.h"
#include "kernels/core/cpu/f64x8_math.h"
#include "kernels/core/host_device.h"
#include "kernels/core/threads.h"

namespace paretiny::cpu {
namespace {

/// Points are taken eight at a time, a lane each.
std::int64_t vectors_of(std::int64_t q) {
  return ceil_div(q, kWide);
}

/// `count` vectors of scratch for each thread.
F64x8* take_vectors(Arena::Scope& scratch, std::int64_t count) {
  const Shape shape{thread_count(), 1, count, kWide};
  return static_cast<F64x8*>(scratch.take(DType::f64, shape).data);
}

/// mean = log of the mean of softplus(z) over `samples` vectors.
void log_mean_softplus(F64x8& mean, const F64x8* z, std::int64_t samples) {
  F64x8 top = z[0];
  for (std::int64_t i = 1; i < samples; ++i) top = z[i] > top ? z[i] : top;
  // Far below, where softplus(z) is exp(z) to rounding, the largest power is taken out.
  const F64x8 zero{}, one = zero + 1.0;
  const F64x8 taken = top < bayes::kFarBelow ? top : zero;
  const F64x8 near = top < bayes::kFarBelow ? zero : one;
  bool all_far = true;
  for (std::int64_t j = 0; j < kWide; ++j) all_far = all_far && near[j] == 0;
  F64x8 sum = zero;
  if (all_far) {
    for (std::int64_t i = 0; i < samples; ++i) {
      F64x8 power = z[i] - taken;
      VectorMath::exponential(power, power);
      sum += power;
    }
  } else {
    for (std::int64_t i = 0; i < samples; ++i) {
      F64x8 power = (z[i] < 0.0 ? z[i] : -z[i]) - taken;
      VectorMath::exponential(power, power);
      F64x8 rest;
      logarithm_of_one_plus(power, rest);
      sum += (z[i] > 0.0 ? z[i] : zero) + (near > 0.0 ? rest : power);
    }
  }
  mean = sum / static_cast<double>(samples);
  logarithm(mean, mean);
  mean += taken;
}

void add_log_scalarised_improvement(Stream& stream, const bayes::Scalarisation& s,
                                    const bayes::Beliefs& beliefs, View reward) {
  const std::int64_t q = reward.shape.c, m = s.low.shape.c, samples = s.normals.shape.w;
  const double* low = s.low.as<double>();
  const double* factor = s.factor.as<double>();
  const double sharpness = 1 / s.softness, log_softness = std::log(s.softness);
  Arena::Scope scratch(stream.scratch());
  F64x8* all_vectors = take_vectors(scratch, 2 * m + samples);
  parallel_for(vectors_of(q), true, [&](std::int64_t vector) {
    const std::int64_t first = vector * kWide, width = q - first;
    F64x8* centre = all_vectors + thread_index() * (2 * m + samples);
    F64x8* spread = centre + m;
    F64x8* z = spread + m;
    for (std::int64_t k = 0; k < m; ++k) {
      load_some(centre[k], beliefs.mean.as<double>() + k * q + first, width);
      centre[k] = (centre[k] - low[k]) * factor[k];
      load_some(spread[k], beliefs.variance.as<double>() + k * q + first, width);
      VectorMath::square_root(spread[k], spread[k]);
      spread[k] *= factor[k];
    }
    for (std::int64_t i = 0; i < samples; ++i) {
      const double* normal = s.normals.as<double>() + i * m;
      F64x8 sum = centre[0] + normal[0] * spread[0];
      F64x8 largest = sum;
      for (std::int64_t k = 1; k < m; ++k) {
        const F64x8 term = centre[k] + normal[k] * spread[k];
        largest = term > largest ? term : largest;
        sum += term;
      }
      z[i] = (s.best - largest - bayes::kAugmentation * sum) * sharpness;
    }
    F64x8 value, before;
    log_mean_softplus(value, z, samples);
    load_some(before, reward.as<double>() + first, width);
    store_some(reward.as<double>() + first, before + (value + log_softness), width);
  });
}

void add_log_within(Stream&, ConstView limits, const bayes::Beliefs& beliefs, View reward) {
  const std::int64_t q = reward.shape.c;
  parallel_for(q, true, [&](std::int64_t i) {
    double sum = 0;
    for (std::int64_t k = 0; k < beliefs.mean.shape.w; ++k) {
      const double limit = limits.as<double>()[k];
      if (limit == std::numeric_limits<double>::infinity()) continue;
      const std::int64_t at = k * q + i;
      sum += bayes::log_normal_cdf((limit - beliefs.mean.as<double>()[at]) /
                                   std::sqrt(beliefs.variance.as<double>()[at]));
    }
    reward.as<double>()[i] += sum;
  });
}

const Twin improvement(bayes::twins::add_log_scalarised_improvement, DeviceKind::cpu,
                       add_log_scalarised_improvement);
const Twin within(bayes::twins::add_log_within, DeviceKind::cpu, add_log_within);

}  // namespace
}  // namespace paretiny::cpu
