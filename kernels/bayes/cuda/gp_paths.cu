// Paths of Gaussian processes. Forward: a block for 16 queries of a set and 128 paths: a product of
// the basis at the queries, 32 functions at a time computed into shared memory, with the paths'
// weights; a thread has two queries and four paths. Backward: a block for 16 queries of a set; 32
// basis functions at a time, a thread first sums over the paths what two queries' values depend on
// one function, then each thread adds that to the derivatives it owns; a second kernel adds up the
// sets. Bound by double-precision arithmetic, of which cosines are about a third for 128 paths.
#include <algorithm>

#include "kernels/bayes/cuda/gp_training.h"
#include "kernels/bayes/gp_paths.h"
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/host_device.h"

namespace paretiny::cuda {
namespace {

constexpr int kThreads = kBlockThreads;
constexpr int kWarps = kThreads / kWarp;
constexpr int kEach = 2;  // queries of a thread
constexpr int kQueries = kWarps * kEach;
constexpr int kBasis = kWarp;               // functions at a time, one a lane
constexpr int kPathsEach = 4;               // of a thread: eight sums with two queries
constexpr int kPaths = kWarp * kPathsEach;  // of a block

struct PathsJob {
  bayes::Covariance covariance;
  int points, dimensions, features, paths;
  const double* scaled;       ///< [sets, points, d]
  const double* parameters;   ///< [sets, d + 3]
  const double* frequencies;  ///< [features, d]
  const double* phases;       ///< [features]
  const double* weights;      ///< [sets, paths, features + points]
  const double* queries;      ///< [count, d]
  std::int64_t count;

  PathsJob(const bayes::GpShape& shape, const bayes::GpState& state, const bayes::GpPaths& given,
           ConstView at)
      : covariance(shape.covariance),
        points(static_cast<int>(shape.points)),
        dimensions(static_cast<int>(shape.dimensions)),
        features(static_cast<int>(given.phases.shape.c)),
        paths(static_cast<int>(given.weights.shape.w)),
        scaled(state.scaled.as<double>()),
        parameters(state.parameters.as<double>()),
        frequencies(given.frequencies.as<double>()),
        phases(given.phases.as<double>()),
        weights(given.weights.as<double>()),
        queries(at.as<double>()),
        count(at.shape.w) {}

  __host__ __device__ int basis() const { return features + points; }
  __device__ const double* set_parameters(int set) const {
    return parameters + static_cast<std::int64_t>(set) * (dimensions + 3);
  }
  __device__ const double* set_weights(int set) const {
    return weights + static_cast<std::int64_t>(set) * paths * basis();
  }
  /// The frequencies of a feature or the scaled coordinates of a point, [d].
  __device__ const double* coordinates(int set, int b) const {
    const std::int64_t d = dimensions;
    return b < features ? frequencies + b * d
                        : scaled + (static_cast<std::int64_t>(set) * points + b - features) * d;
  }
};

/// z[q][k], scaled; queries past the last repeat it.
__device__ void load_queries(const PathsJob& job, int set, std::int64_t first, double* z) {
  const int d = job.dimensions;
  const double* inverse_lengthscales = job.set_parameters(set) + 3;
  for (int e = static_cast<int>(threadIdx.x); e < kQueries * d; e += kThreads) {
    const std::int64_t query = min(first + e / d, job.count - 1);
    z[e] = job.queries[query * d + e % d] * inverse_lengthscales[e % d];
  }
}

/// What a basis function is computed from: its angle, or its squared distance.
__device__ double argument(const PathsJob& job, int b, const double* coordinates, const double* z) {
  double sum = 0;
  if (b < job.features) {
    for (int k = 0; k < job.dimensions; ++k) sum += coordinates[k] * z[k];
    return sum + job.phases[b];
  }
  for (int k = 0; k < job.dimensions; ++k) {
    const double difference = z[k] - coordinates[k];
    sum += difference * difference;
  }
  return sum;
}

/// The scaled queries follow.
struct ForwardShared {
  double basis[kBasis][kQueries + 1];
  double weights[kBasis][kPaths + 1];

  __device__ double* queries() { return reinterpret_cast<double*>(this + 1); }
};

/// values: [sets, count, paths].
__global__ void __launch_bounds__(kThreads) paths_kernel(PathsJob job, double* values) {
  auto& shared = shared_memory<ForwardShared>();
  const int set = static_cast<int>(blockIdx.z), thread = static_cast<int>(threadIdx.x);
  const int warp = thread / kWarp, lane = thread % kWarp, d = job.dimensions;
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * kQueries;
  const int first_path = static_cast<int>(blockIdx.y) * kPaths, basis = job.basis();
  const double* weights = job.set_weights(set);
  const double scale = job.set_parameters(set)[1];
  double* z = shared.queries();
  load_queries(job, set, first, z);
  double sum[kEach][kPathsEach] = {};
  for (int begin = 0; begin < basis; begin += kBasis) {
    __syncthreads();
    const int b = begin + lane;
    for (int e = 0; e < kEach; ++e) {
      const int q = warp * kEach + e;
      double value = 0;
      if (b < basis) {
        const double given = argument(job, b, job.coordinates(set, b), z + q * d);
        if (b < job.features) {
          value = cos(given);
        } else {
          double slope;
          bayes::correlate<DeviceMath>(job.covariance, given, value, slope);
          value *= scale;
        }
      }
      shared.basis[lane][q] = value;
    }
    for (int p = warp; p < kPaths; p += kWarps) {
      const int path = first_path + p;
      shared.weights[lane][p] = path < job.paths && b < basis
                                    ? weights[static_cast<std::int64_t>(path) * basis + b]
                                    : 0.0;
    }
    __syncthreads();
    for (int k = 0; k < kBasis; ++k) {
      double left[kEach], right[kPathsEach];
      for (int e = 0; e < kEach; ++e) left[e] = shared.basis[k][warp * kEach + e];
      for (int p = 0; p < kPathsEach; ++p) right[p] = shared.weights[k][lane + p * kWarp];
      for (int e = 0; e < kEach; ++e) {
        for (int p = 0; p < kPathsEach; ++p) sum[e][p] += left[e] * right[p];
      }
    }
  }
  const double mean = job.set_parameters(set)[0];
  for (int e = 0; e < kEach; ++e) {
    const std::int64_t query = first + warp * kEach + e;
    if (query >= job.count) return;
    for (int p = 0; p < kPathsEach; ++p) {
      const int path = first_path + lane + p * kWarp;
      if (path < job.paths) values[(set * job.count + query) * job.paths + path] = mean + sum[e][p];
    }
  }
}

/// The scaled queries follow, then their derivatives, then d_values by paths.
struct BackwardShared {
  double factors[kQueries][kBasis + 1];

  __device__ double* queries() { return reinterpret_cast<double*>(this + 1); }
};

constexpr int kPathsAtOnce = 128;  // whose d_values are in shared memory

/// by_set: [sets, count, d], the gradient by the scaled queries times the inverse lengthscales.
/// d_values: of set s from s * stride on, [count, paths].
__global__ void __launch_bounds__(kThreads)
    backward_kernel(PathsJob job, const double* d_values, std::int64_t stride, double* by_set) {
  auto& shared = shared_memory<BackwardShared>();
  const int set = static_cast<int>(blockIdx.y), thread = static_cast<int>(threadIdx.x);
  const int warp = thread / kWarp, lane = thread % kWarp, d = job.dimensions;
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * kQueries;
  const int basis = job.basis();
  const double* weights = job.set_weights(set);
  const double scale = job.set_parameters(set)[1];
  double *z = shared.queries(), *d_z = z + kQueries * d, *upstream = d_z + kQueries * d;
  load_queries(job, set, first, z);
  for (int e = thread; e < kQueries * d; e += kThreads) d_z[e] = 0;
  d_values += set * stride;
  for (int begin = 0; begin < basis; begin += kBasis) {
    const int b = begin + lane;
    double sum[kEach] = {};
    for (int first_path = 0; first_path < job.paths; first_path += kPathsAtOnce) {
      const int width = min(job.paths - first_path, kPathsAtOnce);
      // With few paths they stay there.
      if (begin == 0 || job.paths > kPathsAtOnce) {
        __syncthreads();
        for (int e = thread; e < kQueries * width; e += kThreads) {
          const int q = e / width, p = e % width;
          upstream[p * kQueries + q] =
              first + q < job.count ? d_values[(first + q) * job.paths + first_path + p] : 0.0;
        }
        __syncthreads();
      }
      if (b >= basis) continue;
      const double* column = weights + static_cast<std::int64_t>(first_path) * basis + b;
#pragma unroll 8
      for (int p = 0; p < width; ++p) {
        const double weight = column[static_cast<std::int64_t>(p) * basis];
        for (int e = 0; e < kEach; ++e)
          sum[e] += weight * upstream[p * kQueries + warp * kEach + e];
      }
    }
    for (int e = 0; e < kEach; ++e) {
      const int q = warp * kEach + e;
      double factor = 0;
      if (b < basis) {
        const double given = argument(job, b, job.coordinates(set, b), z + q * d);
        if (b < job.features) {
          factor = -sin(given);
        } else {
          double value, slope;
          bayes::correlate<DeviceMath>(job.covariance, given, value, slope);
          factor = -scale * slope;
        }
      }
      shared.factors[q][lane] = factor * sum[e];
    }
    __syncthreads();
    const int used = min(basis - begin, kBasis);
    for (int e = thread; e < kQueries * d; e += kThreads) {
      const int q = e / d, k = e % d;
      double total = 0;
      for (int i = 0; i < used; ++i) {
        const double coordinate = job.coordinates(set, begin + i)[k];
        const bool feature = begin + i < job.features;
        total += shared.factors[q][i] * (feature ? coordinate : z[e] - coordinate);
      }
      d_z[e] += total;
    }
    __syncthreads();
  }
  const double* inverse_lengthscales = job.set_parameters(set) + 3;
  for (int e = thread; e < kQueries * d; e += kThreads) {
    if (first + e / d < job.count) {
      by_set[(set * job.count + first) * d + e] = d_z[e] * inverse_lengthscales[e % d];
    }
  }
}

/// A thread an element. by_set: [sets, elements]; d_queries: [elements], their sum.
__global__ void add_sets_kernel(const double* by_set, int sets, std::int64_t elements,
                                double* d_queries) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= elements) return;
  double sum = 0;
  for (int set = 0; set < sets; ++set) sum += by_set[set * elements + i];
  d_queries[i] = sum;
}

unsigned blocks_of(std::int64_t count, std::int64_t each) {
  return static_cast<unsigned>(ceil_div(count, each));
}

void gp_paths(Stream& stream, const bayes::GpShape& shape, const bayes::GpState& state,
              const bayes::GpPaths& paths, ConstView queries, View values) {
  const PathsJob job(shape, state, paths, queries);
  const dim3 blocks(blocks_of(job.count, kQueries), blocks_of(job.paths, kPaths),
                    static_cast<unsigned>(shape.sets));
  const std::size_t bytes =
      sizeof(ForwardShared) + sizeof(double) * kQueries * static_cast<std::size_t>(job.dimensions);
  launch(stream, "gp_paths", paths_kernel, {blocks, dim3(kThreads), bytes}, job,
         values.as<double>());
}

void gp_paths_backward(Stream& stream, const bayes::GpShape& shape, const bayes::GpState& state,
                       const bayes::GpPaths& paths, ConstView queries, ConstView d_values,
                       View d_queries) {
  const char* name = "gp_paths_backward";
  constexpr std::int64_t kPart = 4096;  // queries whose gradients by set are kept
  const std::int64_t count = queries.shape.w, d = shape.dimensions;
  const std::int64_t width = std::min<std::int64_t>(paths.weights.shape.w, kPathsAtOnce);
  const std::size_t bytes =
      sizeof(BackwardShared) + sizeof(double) * kQueries * static_cast<std::size_t>(2 * d + width);
  Arena::Scope scratch(stream.scratch());
  double* by_set =
      scratch.take(DType::f64, {shape.sets, 1, std::min(kPart, count), d}).as<double>();
  for (std::int64_t begin = 0; begin < count; begin += kPart) {
    PathsJob job(shape, state, paths, queries);
    job.queries += begin * d;
    job.count = std::min(kPart, count - begin);
    launch(stream, name, backward_kernel,
           {dim3(blocks_of(job.count, kQueries), static_cast<unsigned>(shape.sets)), dim3(kThreads),
            bytes},
           job, d_values.as<double>() + begin * job.paths, count * job.paths, by_set);
    launch(stream, name, add_sets_kernel,
           {dim3(blocks_of(job.count * d, kThreads)), dim3(kThreads)}, by_set,
           static_cast<int>(shape.sets), job.count * d, d_queries.as<double>() + begin * d);
  }
}

const Twin forward(bayes::twins::gp_paths, DeviceKind::cuda, gp_paths);
const Twin backward(bayes::twins::gp_paths_backward, DeviceKind::cuda, gp_paths_backward);

}  // namespace
}  // namespace paretiny::cuda
