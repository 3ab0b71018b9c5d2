// Queries of a Gaussian process, up to twenty-four at a time.
#pragma once

#include "kernels/bayes/covariance.h"
#include "kernels/core/cpu/panels.h"
#include "kernels/core/host_device.h"
#include "kernels/core/threads.h"

namespace paretiny::cpu {

/// One set's part of a GpState.
struct ProcessView {
  bayes::Covariance covariance;
  std::int64_t set, points, dimensions;
  const double* scaled;        ///< [points, d]
  const double* inverse_root;  ///< [points, points]
  const double* weights;       ///< [points]
  double mean, scale;
  const double* inverse_lengthscales;  ///< [d]
  std::int64_t used;                   ///< points before the unused ones

  ProcessView(const bayes::GpShape& shape, const bayes::GpState& state, std::int64_t set_index)
      : covariance(shape.covariance),
        set(set_index),
        points(shape.points),
        dimensions(shape.dimensions),
        scaled(state.scaled.as<double>() + set * points * dimensions),
        inverse_root(state.inverse_root.as<double>() + set * points * points),
        weights(state.weights.as<double>() + set * points) {
    const double* parameters = state.parameters.as<double>() + set * (dimensions + 3);
    mean = parameters[0];
    scale = parameters[1];
    inverse_lengthscales = parameters + 3;
    for (used = points; used > 1 && scaled[(used - 1) * dimensions] == bayes::kNowhere;) --used;
  }
};

/// Neighbouring queries, scaled, one a lane; lanes past the last query repeat it.
template <int kPanels>
class QueryTile {
 public:
  /// memory: kPanels * 8 * d doubles that the tile keeps.
  QueryTile(const ProcessView& process, const double* queries, std::int64_t first,
            std::int64_t count, double* memory)
      : dimensions_(process.dimensions), left_(count - first), z_(memory) {
    for (std::int64_t lane = 0; lane < kPanels * kWide; ++lane) {
      const double* query = queries + std::min(first + lane, count - 1) * dimensions_;
      for (std::int64_t k = 0; k < dimensions_; ++k) {
        z_[k * kPanels * kWide + lane] = query[k] * process.inverse_lengthscales[k];
      }
    }
  }

  /// Queries in panel p.
  std::int64_t valid(std::int64_t p) const {
    return std::clamp<std::int64_t>(left_ - p * kWide, 0, kWide);
  }

  /// Scaled coordinate k of the queries of panel p.
  void coordinate(std::int64_t k, int p, F64x8& z) const {
    load(z, z_ + (k * kPanels + p) * kWide);
  }

  /// To one point [d]. Direct differences: expanding the square would lose the digits of near
  /// neighbours.
  void squared_distances(const double* point, F64x8 (&squared)[kPanels]) const {
    F64x8 sum[kPanels] = {};
    for (std::int64_t k = 0; k < dimensions_; ++k) {
      for (int p = 0; p < kPanels; ++p) {
        F64x8 difference;
        coordinate(k, p, difference);
        difference -= point[k];
        sum[p] += difference * difference;
      }
    }
    for (int p = 0; p < kPanels; ++p) squared[p] = sum[p];
  }

 private:
  std::int64_t dimensions_;
  std::int64_t left_;
  double* z_;  ///< [d, kPanels * 8]
};

/// to[p * pitch + 8 i ..] = squared distance of point i and the queries of panel p.
template <int kPanels>
void cross_distances(const ProcessView& process, const QueryTile<kPanels>& tile, double* to,
                     std::int64_t pitch) {
  for (std::int64_t i = 0; i < process.used; ++i) {
    F64x8 squared[kPanels];
    tile.squared_distances(process.scaled + i * process.dimensions, squared);
    for (int p = 0; p < kPanels; ++p) store(to + p * pitch + i * kWide, squared[p]);
  }
}

/// The same of the covariance. In two passes: many short chains of arithmetic run side by side, one
/// long chain a point would not.
template <int kPanels>
void cross_covariances(const ProcessView& process, const QueryTile<kPanels>& tile, double* to,
                       std::int64_t pitch) {
  cross_distances(process, tile, to, pitch);
  for (int p = 0; p < kPanels; ++p) {
    for (std::int64_t i = 0; i < process.used; ++i) {
      double* at = to + p * pitch + i * kWide;
      F64x8 squared, value, slope;
      load(squared, at);
      bayes::correlate<VectorMath>(process.covariance, squared, value, slope);
      store(at, process.scale * value);
    }
  }
}

/// f(process, first query, panels) for the tiles of all sets over the threads; the number of panels
/// is a constant. `products`: about the multiplications of a query.
template <class F>
void for_query_tiles(const bayes::GpShape& shape, const bayes::GpState& state, std::int64_t queries,
                     std::int64_t products, F f) {
  constexpr std::int64_t kRoom = kTilePanels * kWide;
  const std::int64_t tiles = ceil_div(queries, kRoom);
  parallel_for(shape.sets, tiles, shape.sets * queries * products >= kParallelProducts,
               [&](std::int64_t set, std::int64_t tile) {
                 const ProcessView process(shape, state, set);
                 const std::int64_t first = tile * kRoom;
                 for_tiles(0, std::min(kTilePanels, panels_of(queries - first)),
                           [&](std::int64_t, auto width) { f(process, first, width); });
               });
}

}  // namespace paretiny::cpu
