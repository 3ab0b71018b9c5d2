// Likelihood of Gaussian processes. After what gp_training.cu does, the gradient: a block a tile of
// 32 x 32 pairs computes its part of covariance^-1 from columns of the root's inverse and sums over
// its pairs in a fixed order; a last kernel adds up the tiles. Six launches in all, each bound by
// latency for some hundred points; for a thousand the products, n^3 / 6 multiplications each.
#include <limits>

#include "kernels/bayes/cuda/gp_training.h"

namespace paretiny::cuda {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr int kDepth = 16;  // rows of the inverse root in shared memory at a time

struct GradientShared {
  PairShared pairs;
  double rows[kDepth][kPairTile];
  double columns[kDepth][kPairTile];
  double partial[kPairThreads / kWarp][kPairDimensions];
  double trace[kWarp];
};

/// The thread's elements of covariance^-1 = inverse_root^T inverse_root.
__device__ void inverse_elements(GradientShared& shared, const double* inverse_root, int n,
                                 int room, const PairTile& tile, double (&element)[kPairsEach]) {
  const int thread = static_cast<int>(threadIdx.x);
  const int warp = thread / kWarp, lane = thread % kWarp;
  for (double& sum : element) sum = 0;
  for (int begin = tile.row; begin < n; begin += kDepth) {
    for (int e = thread; e < kDepth * kPairTile; e += kPairThreads) {
      const int k = begin + e / kPairTile, at = e % kPairTile;
      const double* row = inverse_root + static_cast<std::int64_t>(k) * room;
      shared.rows[e / kPairTile][at] = k < n && tile.row + at < n ? row[tile.row + at] : 0.0;
      shared.columns[e / kPairTile][at] =
          k < n && tile.column + at < n ? row[tile.column + at] : 0.0;
    }
    __syncthreads();
    for (int k = 0; k < kDepth; ++k) {
      for (int e = 0; e < kPairsEach; ++e) {
        element[e] += shared.rows[k][warp + 8 * e] * shared.columns[k][lane];
      }
    }
    __syncthreads();
  }
}

/// parts: [items, tiles, d + 2], the tile's share in the derivatives by the lengthscales, in the
/// trace of weights weights^T - covariance^-1, and in that with each element times its point's own
/// noise.
__global__ void __launch_bounds__(kPairThreads)
    gradient_kernel(TrainingItems items, const double* inverse_root, const double* weights,
                    double* parts) {
  auto& shared = shared_memory<GradientShared>();
  const int item = static_cast<int>(blockIdx.y), thread = static_cast<int>(threadIdx.x);
  const int warp = thread / kWarp, lane = thread % kWarp;
  const PairTile tile(static_cast<int>(blockIdx.x));
  const int n = items.used(item), room = items.points, d = items.dimensions;
  parts += (static_cast<std::int64_t>(item) * gridDim.x + blockIdx.x) * (d + 2);
  if (tile.row >= n) {
    for (int k = thread; k < d + 2; k += kPairThreads) parts[k] = 0;
    return;
  }
  double pair[kPairsEach], squared[kPairsEach];
  inverse_elements(shared, inverse_root + items.matrix(item), n, room, tile, pair);
  squared_distances(shared.pairs, items, item, tile, squared);
  weights += static_cast<std::int64_t>(item) * room;
  const int j = tile.column + lane;
  const double scale = items.scale(item);
  double trace = 0, own_trace = 0;
  for (int e = 0; e < kPairsEach; ++e) {
    const int i = tile.row + warp + 8 * e;
    if (i >= n || j > i) {
      pair[e] = 0;
      continue;
    }
    double value, slope;
    bayes::correlate<DeviceMath>(items.covariance, squared[e], value, slope);
    pair[e] = weights[i] * weights[j] - pair[e];
    if (i == j) {
      trace += pair[e];
      own_trace += items.noise_of(item, i) * pair[e];
    }
    pair[e] *= i == j ? 0.0 : scale * slope;
  }
  trace = block_sum(trace, shared.trace);
  own_trace = block_sum(own_trace, shared.trace);
  if (thread == 0) {
    parts[d] = trace;
    parts[d + 1] = own_trace;
  }
  each_coordinates(shared.pairs, items, item, tile, [&](int begin, int width) {
    for (int k = 0; k < width; ++k) {
      double sum = 0;
      for (int e = 0; e < kPairsEach; ++e) {
        const double difference =
            shared.pairs.rows[warp + 8 * e][k] - shared.pairs.columns[lane][k];
        sum += pair[e] * difference * difference;
      }
      sum = warp_sum(sum);
      if (lane == 0) shared.partial[warp][k] = sum;
    }
    __syncthreads();
    if (thread < width) {
      double sum = 0;
      for (int w = 0; w < kPairThreads / kWarp; ++w) sum += shared.partial[w][thread];
      parts[begin + thread] = sum;
    }
  });
}

/// A block an item: adds its tiles' parts in their order. parts: [items, tiles, d + 2];
/// squared_residual, jitter: [items]; gradient: [items, d + 2].
__global__ void finish_kernel(TrainingItems items, const double* parts, int tiles,
                              const double* squared_residual, const double* jitter,
                              double* gradient) {
  const int item = static_cast<int>(blockIdx.x), d = items.dimensions;
  parts += static_cast<std::int64_t>(item) * tiles * (d + 2);
  gradient += static_cast<std::int64_t>(item) * (d + 2);
  const auto total = [&](int k) {
    double sum = isnan(jitter[item]) ? kNaN : 0.0;
    for (int t = 0; t < tiles; ++t) sum += parts[static_cast<std::int64_t>(t) * (d + 2) + k];
    return sum;
  };
  for (int k = static_cast<int>(threadIdx.x); k <= d; k += static_cast<int>(blockDim.x)) {
    const double sum = total(k);
    if (k < d) {
      gradient[1 + k] = sum;
      continue;
    }
    // Output scale and noise together scale the whole covariance, jitter included, but for what is
    // a point's own.
    const double by_noise = 0.5 * items.noise(item) * (1 + jitter[item]) * sum;
    gradient[d + 1] = by_noise;
    const double own = total(d + 1) + jitter[item] * items.mean_own_noise(item) * sum;
    gradient[0] = 0.5 * (squared_residual[item] - items.used(item) - own) - by_noise;
  }
}

void gp_likelihood(Stream& stream, const bayes::GpShape& shape, const bayes::GpData& data,
                   const bayes::GpLikelihood& t) {
  const char* name = "gp_likelihood";
  const std::int64_t count = t.hyperparameters.shape.n;
  const TrainingItems items(shape, data, t.hyperparameters);
  const int tiles = pair_tiles(items.points);
  Arena::Scope scratch(stream.scratch());
  const auto take = [&](std::int64_t each) {
    return scratch.take(DType::f64, {count, 1, 1, each}).as<double>();
  };
  double* covariance = take(shape.points * shape.points);
  const Factors factors{.covariance = covariance,
                        .root = take(shape.points * shape.points),
                        .inverse_root = covariance,
                        .jitter = take(1)};
  double* parts = take(tiles * (shape.dimensions + 2));
  const Explained to{take(shape.points), take(1), take(1), t.value.as<double>()};
  explain(stream, name, items, shape.mean, count, factors, to);
  const auto blocks = static_cast<unsigned>(count);
  launch(stream, name, gradient_kernel,
         {dim3(static_cast<unsigned>(tiles), blocks), dim3(kPairThreads), sizeof(GradientShared)},
         items, factors.inverse_root, to.weights, parts);
  launch(stream, name, finish_kernel, {dim3(blocks), dim3(64)}, items, parts, tiles,
         to.squared_residual, factors.jitter, t.gradient.as<double>());
}

const Twin twin(bayes::twins::gp_likelihood, DeviceKind::cuda, gp_likelihood);

}  // namespace
}  // namespace paretiny::cuda
