// What Gaussian processes make of their data, and conditioning them. The covariance: a block a tile
// of 32 x 32 pairs. Then its root and the root's inverse (linalg.cu). Then a block an item whitens
// the targets, a warp a row, and takes mean, weights and value from them. Bound by latency for some
// hundred points, beyond by the factorisation.
#include <limits>

#include "kernels/bayes/cuda/gp_training.h"
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/host_device.h"

namespace paretiny::cuda {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kHalfLogTwoPi = 0.91893853320467274178;  // log(2 pi) / 2

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
    bayes::correlate<DeviceMath>(items.covariance, squared[e], value, slope);
    to[static_cast<std::int64_t>(i) * items.points + j] =
        i == j ? scale + items.noise(item) + items.noise_of(item, i) : scale * value;
  }
}

/// The most that a block may have: one block serves an item, and rows are taken a warp each.
constexpr int kExplainThreads = 1024;

/// Whitened targets follow, and the row sums of the inverse root.
struct ExplainShared {
  double partial[kWarp];

  __device__ double* whitened() { return reinterpret_cast<double*>(this + 1); }
};

/// A block an item. root, inverse_root: [items, points, points], lower triangles.
__global__ void __launch_bounds__(kExplainThreads)
    explain_kernel(TrainingItems items, bayes::PriorMean prior, const double* root,
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
  if (prior == bayes::PriorMean::likeliest) {
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
    scaled[e] = e / d < n ? x[e] * exp(-row[1 + e % d]) : bayes::kNowhere;
  }
  for (std::int64_t k = first; k < d; k += threads) parameters[3 + k] = exp(-row[1 + k]);
  if (first == 0) {
    parameters[0] = isnan(jitter[set]) ? kNaN : mean[set];
    parameters[1] = items.scale(set);
    parameters[2] = items.noise(set);
  }
}

void gp_condition(Stream& stream, const bayes::GpShape& shape, const bayes::GpData& data,
                  ConstView hyperparameters, bayes::GpState state, View jitter) {
  const char* name = "gp_condition";
  const TrainingItems items(shape, data, hyperparameters);
  Arena::Scope scratch(stream.scratch());
  const auto take = [&](std::int64_t each) {
    return scratch.take(DType::f64, {shape.sets, 1, 1, each}).as<double>();
  };
  const Factors factors{.covariance = take(shape.points * shape.points),
                        .root = take(shape.points * shape.points),
                        .inverse_root = state.inverse_root.as<double>(),
                        .jitter = jitter.as<double>()};
  const Explained to{state.weights.as<double>(), take(1), take(1), take(1)};
  explain(stream, name, items, shape.mean, shape.sets, factors, to);
  constexpr int kThreads = kBlockThreads;
  const std::int64_t blocks = ceil_div(shape.points * shape.dimensions, kThreads);
  launch(stream, name, describe_kernel,
         {dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(shape.sets)), dim3(kThreads)},
         items, to.mean, jitter.as<double>(), state.scaled.as<double>(),
         state.parameters.as<double>());
}

const Twin twin(bayes::twins::gp_condition, DeviceKind::cuda, gp_condition);

}  // namespace

void explain(Stream& stream, const char* name, const TrainingItems& items, bayes::PriorMean prior,
             std::int64_t count, const Factors& factors, const Explained& to) {
  const auto blocks = static_cast<unsigned>(count);
  launch(stream, name, covariance_kernel,
         {dim3(static_cast<unsigned>(pair_tiles(items.points)), blocks), dim3(kPairThreads),
          sizeof(PairShared)},
         items, factors.covariance);
  factorise(stream, name, items.batch(count), factors.covariance, factors.root, factors.jitter);
  invert(stream, name, items.batch(count), factors.root, factors.inverse_root);
  launch(stream, name, explain_kernel,
         {dim3(blocks), dim3(kExplainThreads),
          sizeof(ExplainShared) + 2 * sizeof(double) * static_cast<std::size_t>(items.points)},
         items, prior, factors.root, factors.inverse_root, to);
}

}  // namespace paretiny::cuda
