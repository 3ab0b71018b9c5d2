// What kernels on Gaussian processes share: training sets, pairs of their points by tiles of
// 32 x 32 a block, and what both the likelihood and conditioning need.
#pragma once

#include "kernels/bayes/covariance.h"
#include "kernels/bayes/cuda/triangular.h"
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/cuda/shared.h"
#include "kernels/core/host_device.h"

namespace paretiny::cuda {

/// What `correlate` computes with.
struct DeviceMath {
  using Number = double;

  PARETINY_HOST_DEVICE static void square_root(double x, double& result) { result = sqrt(x); }
  PARETINY_HOST_DEVICE static void exponential(double x, double& result) { result = exp(x); }
};

/// Training sets and the hyperparameters of each item.
struct TrainingItems {
  bayes::Covariance covariance;
  int points, dimensions;
  std::int64_t share;             ///< items of a set
  const double* x;                ///< [sets, points, d]
  const double* y;                ///< [sets, points]
  const std::int32_t* counts;     ///< [sets]
  const double* own_noise;        ///< [sets, points] of each point, or null
  const double* hyperparameters;  ///< [items, d + 2]

  TrainingItems(const bayes::GpShape& shape, const bayes::GpData& data, ConstView rows)
      : covariance(shape.covariance),
        points(static_cast<int>(shape.points)),
        dimensions(static_cast<int>(shape.dimensions)),
        share(rows.shape.n / shape.sets),
        x(data.x.as<double>()),
        y(data.y.as<double>()),
        counts(data.counts.as<std::int32_t>()),
        own_noise(data.noise.data == nullptr ? nullptr : data.noise.as<double>()),
        hyperparameters(rows.as<double>()) {}

  SquareBatch batch(std::int64_t items) const { return {items, points, counts, share}; }
  __device__ int used(std::int64_t item) const { return counts[item / share]; }
  /// Where the item's [points, points] matrix begins.
  __device__ std::int64_t matrix(std::int64_t item) const { return item * points * points; }
  __device__ const double* points_of(std::int64_t item) const {
    return x + item / share * points * dimensions;
  }
  __device__ const double* targets_of(std::int64_t item) const { return y + item / share * points; }
  /// Their logarithms: output scale, lengthscales, noise.
  __device__ const double* row(std::int64_t item) const {
    return hyperparameters + item * (dimensions + 2);
  }
  __device__ double scale(std::int64_t item) const { return exp(row(item)[0]); }
  __device__ double noise(std::int64_t item) const { return exp(row(item)[dimensions + 1]); }
  __device__ double noise_of(std::int64_t item, int point) const {
    return own_noise == nullptr ? 0.0 : own_noise[item / share * points + point];
  }
  __device__ double mean_own_noise(std::int64_t item) const {
    double sum = 0;
    for (int i = 0; own_noise != nullptr && i < used(item); ++i) sum += noise_of(item, i);
    return sum / used(item);
  }
};

inline constexpr int kPairTile = kWarp;             ///< a lane has one column
inline constexpr int kPairThreads = kBlockThreads;  ///< eight rows at a time
inline constexpr int kPairsEach = 4;        ///< a thread's: rows warp, warp + 8, ...; column lane
inline constexpr int kPairDimensions = 32;  ///< coordinates in shared memory at a time

/// Tiles of the lower triangle of room x room pairs.
__host__ __device__ inline int pair_tiles(int room) {
  const int side = ceil_div(room, kPairTile);
  return side * (side + 1) / 2;
}

/// First row and column of a tile of the lower triangle, counted by rows.
struct PairTile {
  int row = 0, column = 0;

  __device__ explicit PairTile(int index) {
    int down = 0;
    for (; index > down; index -= down) ++down;
    row = down * kPairTile;
    column = index * kPairTile;
  }
};

struct PairShared {
  double rows[kPairTile][kPairDimensions + 1];
  double columns[kPairTile][kPairDimensions + 1];
  double inverse_lengthscales[kPairDimensions];
};

/// f(k, width) with coordinates k .. k + width - 1 of the tile's points, scaled, in shared memory.
template <class F>
__device__ void each_coordinates(PairShared& shared, const TrainingItems& items, std::int64_t item,
                                 const PairTile& tile, F f) {
  const int thread = static_cast<int>(threadIdx.x), n = items.used(item), d = items.dimensions;
  const double* x = items.points_of(item);
  for (int begin = 0; begin < d; begin += kPairDimensions) {
    const int width = min(d - begin, kPairDimensions);
    if (thread < width) {
      shared.inverse_lengthscales[thread] = exp(-items.row(item)[1 + begin + thread]);
    }
    __syncthreads();
    for (int e = thread; e < kPairTile * width; e += kPairThreads) {
      const int r = e / width, k = e % width;
      const double factor = shared.inverse_lengthscales[k];
      const auto coordinate = [&](int point) {
        return point < n ? x[static_cast<std::int64_t>(point) * d + begin + k] * factor : 0.0;
      };
      shared.rows[r][k] = coordinate(tile.row + r);
      shared.columns[r][k] = coordinate(tile.column + r);
    }
    __syncthreads();
    f(begin, width);
    __syncthreads();
  }
}

/// Of the thread's pairs. Direct differences: expanding the square would lose the digits of near
/// neighbours.
__device__ inline void squared_distances(PairShared& shared, const TrainingItems& items,
                                         std::int64_t item, const PairTile& tile,
                                         double (&squared)[kPairsEach]) {
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  for (double& square : squared) square = 0;
  each_coordinates(shared, items, item, tile, [&](int, int width) {
    for (int k = 0; k < width; ++k) {
      for (int e = 0; e < kPairsEach; ++e) {
        const double difference = shared.rows[warp + 8 * e][k] - shared.columns[lane][k];
        squared[e] += difference * difference;
      }
    }
  });
}

/// What is known of an item's data.
struct Explained {
  double* weights;           ///< [items, points], 0 in unused points
  double* mean;              ///< [items]
  double* squared_residual;  ///< [items], (y - mean)^T covariance^-1 (y - mean)
  double* value;             ///< [items]
};

/// Where explain() leaves the matrices that it goes through, [items, points, points] each.
/// `inverse_root` may be `covariance`, which nobody needs once it has a root.
struct Factors {
  double* covariance;
  double* root;          ///< its lower Cholesky factor
  double* inverse_root;  ///< the inverse of that
  double* jitter;        ///< [items], what was added to the diagonal
};

/// Covariance, its root and the inverse of that, and what they make of the targets.
void explain(Stream& stream, const char* name, const TrainingItems& items, bayes::PriorMean prior,
             std::int64_t count, const Factors& factors, const Explained& to);

}  // namespace paretiny::cuda
