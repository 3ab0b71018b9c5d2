// A thread takes eight, sixteen or twenty-four queries of a set, whose covariances with its points
// stay in the second-level cache; the rows of the inverse root stream past them. A query takes n d
// multiplications for its covariances and n^2 / 2 for its variance.
#include "kernels/bayes/gp_posterior.h"

#include "kernels/bayes/cpu/gp_training.h"
#include "kernels/bayes/cpu/query_tile.h"
#include "kernels/core/threads.h"

namespace paretiny::cpu {
namespace {

void gp_likelihood(Stream& stream, const bayes::GpShape& shape, const bayes::GpData& data,
                   const bayes::GpLikelihood& t) {
  const std::int64_t items = t.hyperparameters.shape.n, width = shape.dimensions + 2;
  Arena::Scope scope(stream.scratch());
  const ThreadScratch scratch(scope, Training::doubles(shape));
  const auto* wanted = t.wanted.data != nullptr ? t.wanted.as<std::int32_t>() : nullptr;
  parallel_each(items, items * Training::products(shape) >= kParallelProducts,
                [&](std::int64_t item) {
                  if (wanted != nullptr && wanted[item] == 0) return;
                  Training training(shape, scratch.mine());
                  double& likelihood = t.value.as<double>()[item];
                  double* derivatives = t.gradient.as<double>() + item * width;
                  if (training.condition(data, item / (items / shape.sets),
                                         t.hyperparameters.as<double>() + item * width)) {
                    likelihood = training.log_likelihood();
                    training.gradient(derivatives);
                  } else {
                    likelihood = std::numeric_limits<double>::quiet_NaN();
                    std::fill_n(derivatives, width, likelihood);
                  }
                });
}

/// What predictions read of set `set`; NaN wherever the covariance is not positive definite.
void write_state(const Training& training, bool sound, const bayes::GpShape& shape,
                 std::int64_t set, const bayes::GpState& state) {
  const std::int64_t n = shape.points, d = shape.dimensions, used = training.count();
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  double* scaled = state.scaled.as<double>() + set * n * d;
  double* root = state.inverse_root.as<double>() + set * n * n;
  double* weights = state.weights.as<double>() + set * n;
  double* parameters = state.parameters.as<double>() + set * (d + 3);
  const Panels& inverse = training.inverse_root();
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t k = 0; k < d; ++k) {
      scaled[i * d + k] = i < used ? training.scaled(i, k) : bayes::kNowhere;
    }
    double* row = root + i * n;
    const std::int64_t end = i < used ? i + 1 : 0;
    for (std::int64_t j = 0; j < end; ++j) row[j] = sound ? inverse.element(i, j) : kNaN;
    std::fill(row + end, row + n, 0.0);
    if (i >= used) row[i] = 1;
    weights[i] = i >= used ? 0.0 : sound ? training.weights()[i] : kNaN;
  }
  parameters[0] = sound ? training.mean() : kNaN;
  parameters[1] = training.scale();
  parameters[2] = training.noise();
  std::copy_n(training.inverse_lengthscales(), d, parameters + 3);
}

void gp_condition(Stream& stream, const bayes::GpShape& shape, const bayes::GpData& data,
                  ConstView hyperparameters, bayes::GpState state, View jitter) {
  Arena::Scope scope(stream.scratch());
  const ThreadScratch scratch(scope, Training::doubles(shape));
  parallel_each(shape.sets, shape.sets * Training::products(shape) >= kParallelProducts,
                [&](std::int64_t set) {
                  Training training(shape, scratch.mine());
                  const bool sound = training.condition(
                      data, set, hyperparameters.as<double>() + set * (shape.dimensions + 2));
                  jitter.as<double>()[set] = training.jitter();
                  write_state(training, sound, shape, set, state);
                });
}

/// Mean and variance at the queries of a tile.
template <int kPanels>
void predict(const ProcessView& process, const QueryTile<kPanels>& tile, double* cross,
             double* mean, double* variance) {
  const std::int64_t n = process.used, pitch = n * kWide;
  cross_covariances(process, tile, cross, pitch);
  F64x8 sum[kPanels] = {}, square[kPanels] = {};
  for (std::int64_t i = 0; i < n; ++i) {
    for (int p = 0; p < kPanels; ++p) {
      F64x8 value;
      load(value, cross + p * pitch + i * kWide);
      sum[p] += process.weights[i] * value;
    }
  }
  for (std::int64_t row = 0; row < n; row += kWide) {
    F64x8 whitened[kWide][kPanels];
    multiply(rows_of(process.inverse_root, row, n, process.points, 1), cross, pitch,
             std::min(row + kWide, n), whitened);
    const std::int64_t rows = std::min(kWide, n - row);
    for (std::int64_t r = 0; r < rows; ++r) {
      for (int p = 0; p < kPanels; ++p) square[p] += whitened[r][p] * whitened[r][p];
    }
  }
  for (int p = 0; p < kPanels; ++p) {
    for (std::int64_t i = 0; i < tile.valid(p); ++i) {
      const double left = process.scale - square[p][i];
      mean[p * kWide + i] = process.mean + sum[p][i];
      variance[p * kWide + i] = left < bayes::kVarianceFloor ? bayes::kVarianceFloor : left;
    }
  }
}

void gp_posterior(Stream& stream, const bayes::GpShape& shape, const bayes::GpState& state,
                  const bayes::GpPrediction& t) {
  const std::int64_t count = t.queries.shape.w;
  Arena::Scope scope(stream.scratch());
  const std::int64_t room = kTilePanels * kWide;
  const ThreadScratch scratch(scope, room * (shape.points + shape.dimensions));
  const std::int64_t products = shape.points * (shape.dimensions + shape.points / 2);
  for_query_tiles(shape, state, count, products,
                  [&](const ProcessView& process, std::int64_t first, auto width) {
                    double* memory = scratch.mine();
                    const QueryTile<width> tile(process, t.queries.as<double>(), first, count,
                                                memory);
                    const std::int64_t at = process.set * count + first;
                    predict(process, tile, memory + room * shape.dimensions,
                            t.mean.as<double>() + at, t.variance.as<double>() + at);
                  });
}

const Twin likelihood(bayes::twins::gp_likelihood, DeviceKind::cpu, gp_likelihood);
const Twin condition(bayes::twins::gp_condition, DeviceKind::cpu, gp_condition);
const Twin posterior(bayes::twins::gp_posterior, DeviceKind::cpu, gp_posterior);

}  // namespace
}  // namespace paretiny::cpu
