// A thread takes up to twenty-four queries of a set: their features and covariances, the basis,
// stay in the second-level cache, and the paths' weights stream past them. Backward the same
// product with the weights gives each basis function's share first. A query takes (features + n)
// (d + paths) multiply-adds.
#include "kernels/bayes/gp_paths.h"

#include "kernels/bayes/cpu/query_tile.h"

namespace paretiny::cpu {
namespace {

/// The paths of one set over a basis of features and covariances.
struct PathsView {
  const double* frequencies;  ///< [features, d]
  const double* phases;       ///< [features]
  const double* weights;      ///< [paths, basis]
  std::int64_t features, count, basis;

  PathsView(const bayes::GpPaths& paths, std::int64_t set)
      : frequencies(paths.frequencies.as<double>()),
        phases(paths.phases.as<double>()),
        features(paths.phases.shape.c),
        count(paths.weights.shape.w),
        basis(paths.weights.shape.c) {
    weights = paths.weights.as<double>() + set * count * basis;
  }
};

/// to[p][f] = frequencies[f] . z + phases[f] of the queries of panel p.
template <int kPanels>
void angles(const PathsView& paths, const QueryTile<kPanels>& tile, std::int64_t dimensions,
            double* to) {
  const std::int64_t pitch = paths.basis * kWide;
  for (std::int64_t f = 0; f < paths.features; ++f) {
    const double* frequency = paths.frequencies + f * dimensions;
    F64x8 sum[kPanels] = {};
    for (std::int64_t k = 0; k < dimensions; ++k) {
      for (int p = 0; p < kPanels; ++p) {
        F64x8 z;
        tile.coordinate(k, p, z);
        sum[p] += frequency[k] * z;
      }
    }
    for (int p = 0; p < kPanels; ++p) {
      store(to + p * pitch + f * kWide, sum[p] + paths.phases[f]);
    }
  }
}

/// basis[p][b]: basis function b at the queries of panel p.
template <int kPanels>
void evaluate_basis(const ProcessView& process, const PathsView& paths,
                    const QueryTile<kPanels>& tile, double* basis) {
  const std::int64_t pitch = paths.basis * kWide;
  angles(paths, tile, process.dimensions, basis);
  for (int p = 0; p < kPanels; ++p) {
    for (std::int64_t f = 0; f < paths.features; ++f) {
      double* at = basis + p * pitch + f * kWide;
      F64x8 angle, wave;
      load(angle, at);
      VectorMath::cosine(angle, wave);
      store(at, wave);
    }
  }
  cross_covariances(process, tile, basis + paths.features * kWide, pitch);
}

template <int kPanels>
void evaluate_paths(const ProcessView& process, const PathsView& paths,
                    const QueryTile<kPanels>& tile, double* basis, double* values) {
  evaluate_basis(process, paths, tile, basis);
  for (std::int64_t path = 0; path < paths.count; path += kWide) {
    F64x8 sums[kWide][kPanels];
    multiply(rows_of(paths.weights, path, paths.count, paths.basis, 1), basis, paths.basis * kWide,
             paths.features + process.used, sums);
    const std::int64_t rows = std::min(kWide, paths.count - path);
    for (int p = 0; p < kPanels; ++p) {
      for (std::int64_t lane = 0; lane < tile.valid(p); ++lane) {
        double* to = values + (p * kWide + lane) * paths.count + path;
        for (std::int64_t r = 0; r < rows; ++r) to[r] = process.mean + sums[r][p][lane];
      }
    }
  }
}

/// About the multiplications of a query.
std::int64_t products(const bayes::GpShape& shape, const bayes::GpPaths& paths) {
  return paths.weights.shape.c * (shape.dimensions + paths.weights.shape.w);
}

void gp_paths(Stream& stream, const bayes::GpShape& shape, const bayes::GpState& state,
              const bayes::GpPaths& paths, ConstView queries, View values) {
  const std::int64_t count = queries.shape.w, room = kTilePanels * kWide;
  Arena::Scope scope(stream.scratch());
  const ThreadScratch scratch(scope, room * (shape.dimensions + paths.weights.shape.c));
  for_query_tiles(
      shape, state, count, products(shape, paths),
      [&](const ProcessView& process, std::int64_t first, auto width) {
        double* memory = scratch.mine();
        const QueryTile<width> tile(process, queries.as<double>(), first, count, memory);
        const PathsView view(paths, process.set);
        evaluate_paths(process, view, tile, memory + room * shape.dimensions,
                       values.as<double>() + (process.set * count + first) * view.count);
      });
}

/// factors[p][b] = sum over the paths of d_value times weight, times the derivative of basis
/// function b by what it is computed from: its angle, or half its squared distance.
template <int kPanels>
void backward_factors(const ProcessView& process, const PathsView& paths,
                      const QueryTile<kPanels>& tile, const double* d_values, double* factors) {
  const std::int64_t pitch = paths.basis * kWide, end = paths.features + process.used;
  angles(paths, tile, process.dimensions, factors);
  cross_distances(process, tile, factors + paths.features * kWide, pitch);
  for (std::int64_t first = 0; first < end; first += kWide) {
    F64x8 d_basis[kWide][kPanels];
    multiply<true>(rows_of(paths.weights, first, end, 1, paths.basis), d_values,
                   paths.count * kWide, paths.count, d_basis);
    for (std::int64_t b = first; b < std::min(first + kWide, end); ++b) {
      for (int p = 0; p < kPanels; ++p) {
        double* at = factors + p * pitch + b * kWide;
        F64x8 given, slope, value;
        load(given, at);
        if (b < paths.features) {
          VectorMath::sine(given, slope);
        } else {
          bayes::correlate<VectorMath>(process.covariance, given, value, slope);
          slope *= process.scale;
        }
        store(at, -slope * d_basis[b - first][p]);
      }
    }
  }
}

/// d_queries [8 kPanels, d] of one set. memory: room for d_values by panels and for the basis.
template <int kPanels>
void differentiate(const ProcessView& process, const PathsView& paths,
                   const QueryTile<kPanels>& tile, const double* d_values, double* memory,
                   double* d_queries) {
  const std::int64_t pitch = paths.basis * kWide, d = process.dimensions;
  double *by_panels = memory, *factors = memory + kPanels * paths.count * kWide;
  for (int p = 0; p < kPanels; ++p) {
    for (std::int64_t lane = 0; lane < kWide; ++lane) {
      const double* from = d_values + (p * kWide + lane) * paths.count;
      for (std::int64_t path = 0; path < paths.count; ++path) {
        by_panels[(p * paths.count + path) * kWide + lane] = lane < tile.valid(p) ? from[path] : 0;
      }
    }
  }
  backward_factors(process, paths, tile, by_panels, factors);

  // A feature moves with its frequencies, a covariance with the difference of query and point.
  const double* of_points = factors + paths.features * kWide;
  F64x8 total[kPanels] = {};
  for (std::int64_t i = 0; i < process.used; ++i) {
    for (int p = 0; p < kPanels; ++p) {
      F64x8 factor;
      load(factor, of_points + p * pitch + i * kWide);
      total[p] += factor;
    }
  }
  for (std::int64_t first = 0; first < d; first += kWide) {
    F64x8 along[kWide][kPanels], away[kWide][kPanels];
    multiply(rows_of(paths.frequencies, first, d, 1, d), factors, pitch, paths.features, along);
    multiply(rows_of(process.scaled, first, d, 1, d), of_points, pitch, process.used, away);
    for (std::int64_t k = first; k < std::min(first + kWide, d); ++k) {
      for (int p = 0; p < kPanels; ++p) {
        F64x8 z;
        tile.coordinate(k, p, z);
        const F64x8 d_z = along[k - first][p] + (z * total[p] - away[k - first][p]);
        for (std::int64_t lane = 0; lane < tile.valid(p); ++lane) {
          d_queries[(p * kWide + lane) * d + k] = d_z[lane] * process.inverse_lengthscales[k];
        }
      }
    }
  }
}

void gp_paths_backward(Stream& stream, const bayes::GpShape& shape, const bayes::GpState& state,
                       const bayes::GpPaths& paths, ConstView queries, ConstView d_values,
                       View d_queries) {
  constexpr std::int64_t kPart = 4096;  // queries whose gradients by set are kept
  const std::int64_t count = queries.shape.w, d = shape.dimensions, room = kTilePanels * kWide;
  const std::int64_t path_count = paths.weights.shape.w, most = std::min(kPart, count);
  Arena::Scope scope(stream.scratch());
  const ThreadScratch scratch(scope, room * (d + path_count + paths.weights.shape.c));
  double* by_set = scope.take(DType::f64, {shape.sets, 1, most, d}).as<double>();
  for (std::int64_t begin = 0; begin < count; begin += kPart) {
    const std::int64_t part = std::min(kPart, count - begin);
    for_query_tiles(shape, state, part, products(shape, paths),
                    [&](const ProcessView& process, std::int64_t first, auto width) {
                      double* memory = scratch.mine();
                      const QueryTile<width> tile(process, queries.as<double>() + begin * d, first,
                                                  part, memory);
                      const std::int64_t at = process.set * count + begin + first;
                      differentiate(process, PathsView(paths, process.set), tile,
                                    d_values.as<double>() + at * path_count, memory + room * d,
                                    by_set + (process.set * most + first) * d);
                    });
    double* result = d_queries.as<double>() + begin * d;
    for (std::int64_t i = 0; i < part * d; ++i) {
      double sum = 0;
      for (std::int64_t set = 0; set < shape.sets; ++set) sum += by_set[set * most * d + i];
      result[i] = sum;
    }
  }
}

const Twin forward(bayes::twins::gp_paths, DeviceKind::cpu, gp_paths);
const Twin backward(bayes::twins::gp_paths_backward, DeviceKind::cpu, gp_paths_backward);

}  // namespace
}  // namespace paretiny::cpu
