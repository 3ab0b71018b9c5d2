// What batch norm's two directions share: the walk over a tensor in chunks and blocks, its scratch,
// and the affine form of the normalisation.
#pragma once

#include <cmath>

#include "kernels/core/cpu/lanes.h"
#include "kernels/core/threads.h"
#include "kernels/nn/batchnorm.h"

namespace paretiny::cpu {

/// Elements of a block: what is read twice in a row stays in the second-level cache.
inline constexpr std::int64_t kBlockElements = 1 << 14;

inline std::int64_t row_count(const Shape& shape) {
  return shape.n * shape.h * shape.w;
}

/// Tables of `lanes` floats in a call. Shared by the threads: scale, offset, mean, and dx's slope
/// and constant. Of each thread: where a block's deviations are counted from, and two sums.
inline constexpr std::int64_t kSharedTables = 5;
inline constexpr std::int64_t kThreadTables = 3;

inline std::size_t partial_bytes(const RowChunks& chunks, std::int64_t channels) {
  return static_cast<std::size_t>(chunks.count * 2 * channels) * sizeof(double);
}

inline std::size_t table_bytes(std::int64_t lanes) {
  return static_cast<std::size_t>((kSharedTables + kThreadTables * thread_count()) * lanes) *
         sizeof(float);
}

enum class Order { forwards, backwards };

/// The walk over one tensor and its scratch.
struct Walk {
  Walk(Arena& arena, const Shape& shape)
      : channels(shape.c),
        lanes(lanes_of(channels)),
        chunks(row_count(shape), channels),
        block_rows(std::max<std::int64_t>(kBlockElements / channels, 16)),
        scope(arena),
        partials(scope.take(partial_bytes(chunks, channels))),
        tables(static_cast<float*>(scope.take(table_bytes(lanes)))) {}

  /// A chunk's results, of each channel a pair of doubles.
  template <class Pair>
  Pair* partial(std::int64_t chunk) {
    static_assert(sizeof(Pair) == 2 * sizeof(double));
    return static_cast<Pair*>(partials) + chunk * channels;
  }
  float* shared_table(std::int64_t k) { return tables + k * lanes; }
  float* thread_table(std::int64_t k) {
    return tables + (kSharedTables + kThreadTables * thread_index() + k) * lanes;
  }

  /// f(chunk, first element, end), over the threads. A second pass goes backwards: what was read
  /// last is still in a cache.
  template <class F>
  void for_chunks(Order order, F f) {
    parallel_for(chunks.count, chunks.count > 1, [&](std::int64_t i) {
      const std::int64_t k = order == Order::backwards ? chunks.count - 1 - i : i;
      f(k, chunks.begin(k) * channels, chunks.begin(k + 1) * channels);
    });
  }

  std::int64_t channels;
  std::int64_t lanes;
  RowChunks chunks;
  std::int64_t block_rows;
  Arena::Scope scope;
  void* partials;
  float* tables;
};

/// The activation's input is x * scale + offset, a lane.
struct Affine {
  const float* scale;
  const float* offset;
};

inline Affine affine(Walk& walk, const nn::BatchNormShape& shape, const float* gamma,
                     const float* beta, const float* mean, const float* var) {
  float* scale = walk.shared_table(0);
  float* offset = walk.shared_table(1);
  repeat(walk.channels, walk.lanes, scale, [=, epsilon = shape.epsilon](std::int64_t c) {
    return static_cast<float>(gamma[c] / std::sqrt(double{var[c]} + epsilon));
  });
  repeat(walk.channels, walk.lanes, offset,
         [=](std::int64_t c) { return static_cast<float>(beta[c] - double{mean[c]} * scale[c]); });
  return {scale, offset};
}

}  // namespace paretiny::cpu
