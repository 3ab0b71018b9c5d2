// Likelihood of Gaussian processes and conditioning them. The covariance: a block a tile of 32 x 32
// pairs. Then its root and the root's inverse (linalg.cu). A block an item whitens the targets, a
// warp a row, and takes mean, weights and value from them. The gradient: a block a tile of pairs
// again; it computes the tile of covariance^-1 from columns of the root's inverse, and sums over
// its pairs in a fixed order; a last kernel adds up the tiles. Six launches, each of them bound by
// latency for some hundred points; for a thousand the products, n^3 / 6 multiplications each.
#include <limits>
#include <numbers>

#include "kernels/cuda/gp_pairs.h"

namespace paretiny::cuda {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kHalfLogTwoPi = 0.91893853320467274178;

/// covariance: [items, points, points], lower triangle.
__global__ void __launch_bounds__(kPairThreads)
    covariance_kernel(TrainingItems items, double* covariance) {
  auto& shared = shared_memory<PairShared>();
  const int item = static_cast<int>(blockIdx.y);
  const PairTile tile(static_cast<int>(blockIdx.x));
  const int n = items.used(item);
  if (tile.row >= n) return;
  double squared[kPairsEach];
  squared_distances(shared, items, item, tile, squared);
  const int j = tile.column + static_cast<int>(threadIdx.x) % kWarp;
  const double scale = items.scale(item);
  double* to = covariance + items.matrix(item);
  for (int e = 0; e < kPairsEach; ++e) {
    const int i = tile.row + static_cast<int>(threadIdx.x) / kWarp + 8 * e;
    if (i >= n || j > i) continue;
    double value, slope;
    correlate<DeviceMath>(items.covariance, squared[e], value, slope);
    to[static_cast<std::int64_t>(i) * items.points + j] =
        i == j ? scale + items.noise(item) : scale * value;
  }
}

/// What is known of an item's data.
struct Explained {
  double* weights;           ///< [items, points], 0 in unused points
  double* mean;              ///< [items]
  double* squared_residual;  ///< [items], (y - mean)^T covariance^-1 (y - mean)
  double* value;             ///< [items]
};

constexpr int kExplainThreads = 1024;

/// Whitened targets follow, and the row sums of the inverse root.
struct ExplainShared {
  double partial[kWarp];

  __device__ double* whitened() { return reinterpret_cast<double*>(this + 1); }
};

__global__ void __launch_bounds__(kExplainThreads)
    explain_kernel(TrainingItems items, PriorMean prior, const double* root,
                   const double* inverse_root, Explained to) {
  auto& shared = shared_memory<ExplainShared>();
  const int item = static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
  const int warp = thread / kWarp, lane = thread % kWarp;
  const int n = items.used(item), room = items.points;
  const double* y = items.targets_of(item);
  root += items.matrix(item);
  inverse_root += items.matrix(item);
  double *whitened = shared.whitened(), *row_sums = whitened + n;
  for (int i = warp; i < n; i += kExplainThreads / kWarp) {
    double product = 0, sum = 0;
    for (int j = lane; j <= i; j += kWarp) {
      const double element = inverse_root[static_cast<std::int64_t>(i) * room + j];
      product += element * y[j];
      sum += element;
    }
    product = warp_sum(product);
    sum = warp_sum(sum);
    if (lane == 0) {
      whitened[i] = product;
      row_sums[i] = sum;
    }
  }
  __syncthreads();
  double mean = 0;
  if (prior == PriorMean::likeliest) {
    double along = 0, square = 0;
    for (int i = thread; i < n; i += kExplainThreads) {
      along += row_sums[i] * whitened[i];
      square += row_sums[i] * row_sums[i];
    }
    along = block_sum(along, shared.partial);
    square = block_sum(square, shared.partial);
    mean = along / square;
  }
  double square = 0, half_log_determinant = 0;
  for (int i = thread; i < n; i += kExplainThreads) {
    whitened[i] -= mean * row_sums[i];
    square += whitened[i] * whitened[i];
    half_log_determinant += log(root[static_cast<std::int64_t>(i) * (room + 1)]);
  }
  square = block_sum(square, shared.partial);
  half_log_determinant = block_sum(half_log_determinant, shared.partial);
  if (thread == 0) {
    to.mean[item] = mean;
    to.squared_residual[item] = square;
    to.value[item] = -0.5 * square - half_log_determinant - n * kHalfLogTwoPi;
  }
  for (int j = thread; j < room; j += kExplainThreads) {
    double sum = 0;
    for (int i = j; i < n; ++i) {
      sum += inverse_root[static_cast<std::int64_t>(i) * room + j] * whitened[i];
    }
    to.weights[static_cast<std::int64_t>(item) * room + j] = sum;
  }
}

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

/// parts: [items, tiles, d + 1], the tile's share in the derivatives by the lengthscales, and in
/// the trace of weights weights^T - covariance^-1.
__global__ void __launch_bounds__(kPairThreads)
    gradient_kernel(TrainingItems items, const double* inverse_root, const double* weights,
                    double* parts) {
  auto& shared = shared_memory<GradientShared>();
  const int item = static_cast<int>(blockIdx.y), thread = static_cast<int>(threadIdx.x);
  const int warp = thread / kWarp, lane = thread % kWarp;
  const PairTile tile(static_cast<int>(blockIdx.x));
  const int n = items.used(item), room = items.points, d = items.dimensions;
  parts += (static_cast<std::int64_t>(item) * gridDim.x + blockIdx.x) * (d + 1);
  if (tile.row >= n) {
    for (int k = thread; k <= d; k += kPairThreads) parts[k] = 0;
    return;
  }
  double pair[kPairsEach], squared[kPairsEach];
  inverse_elements(shared, inverse_root + items.matrix(item), n, room, tile, pair);
  squared_distances(shared.pairs, items, item, tile, squared);
  weights += static_cast<std::int64_t>(item) * room;
  const int j = tile.column + lane;
  const double scale = items.scale(item);
  double trace = 0;
  for (int e = 0; e < kPairsEach; ++e) {
    const int i = tile.row + warp + 8 * e;
    if (i >= n || j > i) {
      pair[e] = 0;
      continue;
    }
    double value, slope;
    correlate<DeviceMath>(items.covariance, squared[e], value, slope);
    pair[e] = weights[i] * weights[j] - pair[e];
    if (i == j) trace += pair[e];
    pair[e] *= i == j ? 0.0 : scale * slope;
  }
  trace = block_sum(trace, shared.trace);
  if (thread == 0) parts[d] = trace;
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

__global__ void finish_kernel(TrainingItems items, const double* parts, int tiles,
                              const double* squared_residual, const double* jitter,
                              double* gradient) {
  const int item = static_cast<int>(blockIdx.x), d = items.dimensions;
  parts += static_cast<std::int64_t>(item) * tiles * (d + 1);
  gradient += static_cast<std::int64_t>(item) * (d + 2);
  for (int k = static_cast<int>(threadIdx.x); k <= d; k += static_cast<int>(blockDim.x)) {
    double sum = isnan(jitter[item]) ? kNaN : 0.0;
    for (int t = 0; t < tiles; ++t) sum += parts[static_cast<std::int64_t>(t) * (d + 1) + k];
    if (k < d) {
      gradient[1 + k] = sum;
      continue;
    }
    // Output scale and noise together scale the whole covariance, jitter included.
    const double by_noise = 0.5 * items.noise(item) * (1 + jitter[item]) * sum;
    gradient[d + 1] = by_noise;
    gradient[0] = 0.5 * (squared_residual[item] - items.used(item)) - by_noise;
  }
}

/// scaled: [sets, points, d]; parameters: [sets, d + 3].
__global__ void describe_kernel(TrainingItems items, const double* mean, const double* jitter,
                                double* scaled, double* parameters) {
  const int set = static_cast<int>(blockIdx.y), d = items.dimensions, n = items.used(set);
  const double* row = items.row(set);
  const double* x = items.points_of(set);
  scaled += static_cast<std::int64_t>(set) * items.points * d;
  parameters += static_cast<std::int64_t>(set) * (d + 3);
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t threads = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  const std::int64_t elements = static_cast<std::int64_t>(items.points) * d;
  for (std::int64_t e = first; e < elements; e += threads) {
    scaled[e] = e / d < n ? x[e] * exp(-row[1 + e % d]) : kNowhere;
  }
  for (std::int64_t k = first; k < d; k += threads) parameters[3 + k] = exp(-row[1 + k]);
  if (first == 0) {
    parameters[0] = isnan(jitter[set]) ? kNaN : mean[set];
    parameters[1] = items.scale(set);
    parameters[2] = items.noise(set);
  }
}

/// Covariance, its root and the inverse of that, and what they make of the targets.
void explain(Stream& stream, const char* name, const TrainingItems& items, PriorMean prior,
             std::int64_t count, double* covariance, double* root, double* inverse_root,
             double* jitter, const Explained& to) {
  const auto blocks = static_cast<unsigned>(count);
  launch(stream, name, covariance_kernel,
         {dim3(static_cast<unsigned>(pair_tiles(items.points)), blocks), dim3(kPairThreads),
          sizeof(PairShared)},
         items, covariance);
  factorise(stream, name, items.batch(count), covariance, root, jitter);
  invert(stream, name, items.batch(count), root, inverse_root);
  launch(stream, name, explain_kernel,
         {dim3(blocks), dim3(kExplainThreads),
          sizeof(ExplainShared) + 2 * sizeof(double) * static_cast<std::size_t>(items.points)},
         items, prior, root, inverse_root, to);
}

void gp_likelihood(Stream& stream, const GpShape& shape, const GpData& data,
                   ConstView hyperparameters, View value, View gradient) {
  const char* name = "gp_likelihood";
  const std::int64_t count = hyperparameters.shape.n;
  const TrainingItems items(shape, data, hyperparameters);
  const int tiles = pair_tiles(items.points);
  Arena::Scope scratch(stream.scratch());
  const auto take = [&](std::int64_t each) {
    return scratch.take(DType::f64, {count, 1, 1, each}).as<double>();
  };
  double* covariance = take(shape.points * shape.points);
  double* root = take(shape.points * shape.points);
  double* inverse_root = covariance;  // which nobody needs once it has a root
  double* jitter = take(1);
  double* parts = take(tiles * (shape.dimensions + 1));
  const Explained to{take(shape.points), take(1), take(1), value.as<double>()};
  explain(stream, name, items, shape.mean, count, covariance, root, inverse_root, jitter, to);
  const auto blocks = static_cast<unsigned>(count);
  launch(stream, name, gradient_kernel,
         {dim3(static_cast<unsigned>(tiles), blocks), dim3(kPairThreads), sizeof(GradientShared)},
         items, inverse_root, to.weights, parts);
  launch(stream, name, finish_kernel, {dim3(blocks), dim3(64)}, items, parts, tiles,
         to.squared_residual, jitter, gradient.as<double>());
}

void gp_condition(Stream& stream, const GpShape& shape, const GpData& data,
                  ConstView hyperparameters, GpState state, View jitter) {
  const char* name = "gp_condition";
  const TrainingItems items(shape, data, hyperparameters);
  Arena::Scope scratch(stream.scratch());
  const auto take = [&](std::int64_t each) {
    return scratch.take(DType::f64, {shape.sets, 1, 1, each}).as<double>();
  };
  double* covariance = take(shape.points * shape.points);
  double* root = take(shape.points * shape.points);
  const Explained to{state.weights.as<double>(), take(1), take(1), take(1)};
  explain(stream, name, items, shape.mean, shape.sets, covariance, root,
          state.inverse_root.as<double>(), jitter.as<double>(), to);
  constexpr int kThreads = 256;
  const std::int64_t blocks = (shape.points * shape.dimensions + kThreads - 1) / kThreads;
  launch(stream, name, describe_kernel,
         {dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(shape.sets)), dim3(kThreads)},
         items, to.mean, jitter.as<double>(), state.scaled.as<double>(),
         state.parameters.as<double>());
}

const Twin likelihood(twins::gp_likelihood, DeviceKind::cuda, gp_likelihood);
const Twin condition(twins::gp_condition, DeviceKind::cuda, gp_condition);

}  // namespace
}  // namespace paretiny::cuda
