// Depthwise convolution forward, and backward to the data where the stride is one: the same sums
// with the window turned around.
//
// A thread (depthwise.h) keeps the weights of its channels, and for the kDepthH results rows that
// the window meets their sums, in registers. Every source row is read once from shared memory and
// added to all of them; then the oldest row of sums is complete. Memory traffic is the floor, x
// once and y once (and the residual), plus halos between strips from L2: (kernel - stride) rows a
// strip of rows, as many columns a strip of columns.
#include "kernels/cuda/depthwise_fusion.h"
#include "kernels/cuda/depthwise_kernels.h"
#include "kernels/cuda/shared.h"

namespace paretiny::cuda::depthwise {
namespace {

constexpr int kStages = 3;

template <class T, class W>
using Share = SourceShare<T, W::kColumns * W::kStrideW,
                          (W::kColumns - 1) * W::kStrideW + W::kKernelW, W::kStrideH, W::kVector,
                          stage_steps<T>(W::kColumns* W::kStrideW, W::kStrideH, W::kVector)>;

template <class T>
struct Problem {
  Plan plan;
  Weights weights;
  SourceTensor<T> x;
  T* y;
  Reading<T> reading;
  Writing<T> writing;
};

/// At step t the source rows that result row t newly meets.
template <class W>
struct Steps {
  __device__ int first(const Strip& strip) const { return strip.row; }
  __device__ int end(const Strip& strip) const { return strip.row_end + W::kDepthH - 1; }
};

/// A block's shared memory, floats first: factor and addend a channel, then the threads' running
/// moments, which are seldom needed and would crowd the registers; then the ring.
template <class T, class W>
struct Layout {
  int constants, moments;  ///< floats

  PARETINY_HOST_DEVICE explicit Layout(const Plan& plan, bool statistics)
      : constants(2 * plan.chunks * kPack<T>),
        moments(statistics ? 3 * plan.channel_threads * plan.lanes() * W::kVector : 0) {}
  /// A multiple of 16, as chunks are.
  PARETINY_HOST_DEVICE int bytes() const { return (constants + (moments + 3) / 4 * 4) * 4; }
};

/// What a thread writes: rows of kColumns results of kVector channels.
template <class T, class W>
struct Results {
  const Problem<T>& problem;
  const Place& place;
  float* shared;
  RunningMoments<W::kVector>& running;

  __device__ int count() const { return min(problem.plan.channels - place.channel, W::kVector); }

  __device__ void keep_constants() const {
    const Plan& plan = problem.plan;
    const int channels = plan.chunks * kPack<T>;
    for (int i = static_cast<int>(threadIdx.x); i < channels; i += static_cast<int>(blockDim.x)) {
      const int channel = static_cast<int>(blockIdx.x) * channels + i;
      const bool exists = channel < plan.channels;
      shared[i] = exists ? problem.writing.factor(channel) : 0;
      shared[channels + i] = exists ? problem.writing.addend(channel) : 0;
    }
  }

  /// The sums in place become what is stored.
  __device__ void finish(std::int64_t begin, int columns,
                         float (&sums)[W::kColumns][W::kVector]) const {
    const Plan& plan = problem.plan;
    const int channels = plan.chunks * kPack<T>;
    const int local = place.channel - static_cast<int>(blockIdx.x) * channels;
    float factor[W::kVector], addend[W::kVector];
    load_vector(shared + local, factor);
    load_vector(shared + channels + local, addend);
    for (int i = 0; i < W::kColumns; ++i) {
      for (int v = 0; v < W::kVector; ++v) sums[i][v] = sums[i][v] * factor[v] + addend[v];
    }
    if (problem.writing.residual != nullptr) {
      for (int i = 0; i < W::kColumns; ++i) {
        const T* const from = problem.writing.residual + begin + i * plan.channels;
        float residual[W::kVector];
        if (i >= columns) break;
        if (plan.aligned) {
          load_vector(from, residual);
        } else {
          for (int v = 0; v < W::kVector; ++v) residual[v] = v < count() ? widen(from[v]) : 0;
        }
        for (int v = 0; v < W::kVector; ++v) sums[i][v] += residual[v];
      }
    }
    activate_rows(problem.writing.activation, sums);
  }

  __device__ void store(const Strip& strip, int row, float (&sums)[W::kColumns][W::kVector]) const {
    const Plan& plan = problem.plan;
    const int sample = strip.sample + place.sample_lane;
    if (place.channel >= plan.channels || sample >= plan.samples) return;
    const int first = (strip.column_strip * plan.column_threads + place.column_lane) * W::kColumns;
    const int columns = min(plan.result_w - first, W::kColumns);
    const std::int64_t begin =
        ((std::int64_t{sample} * plan.result_h + row) * plan.result_w + first) * plan.channels +
        place.channel;
    finish(begin, columns, sums);
#pragma unroll
    for (int i = 0; i < W::kColumns; ++i) {
      if (i < columns) {
        store_vector(problem.y + begin + i * plan.channels, sums[i], plan.aligned, count());
      }
    }
    if (problem.writing.moments != nullptr) add_moments(columns, sums);
  }

  __device__ float* kept_moments(int k) const {
    const int threads = static_cast<int>(blockDim.x), thread = static_cast<int>(threadIdx.x);
    return shared + Layout<T, W>(problem.plan, true).constants +
           (k * threads + thread) * W::kVector;
  }
  __device__ void load_moments() const {
    load_vector(kept_moments(0), running.first);
    load_vector(kept_moments(1), running.sum);
    load_vector(kept_moments(2), running.square);
  }
  __device__ void add_moments(int columns, const float (&stored)[W::kColumns][W::kVector]) const {
    load_moments();
    for (int i = 0; i < W::kColumns; ++i) {
      if (i < columns) running.add(stored[i]);
    }
    store_vector(kept_moments(0), running.first, true, W::kVector);
    store_vector(kept_moments(1), running.sum, true, W::kVector);
    store_vector(kept_moments(2), running.square, true, W::kVector);
  }
};

template <class T, class W>
__global__ void __launch_bounds__(W::kThreads, W::kBlocks)
    correlate_kernel(const Problem<T> problem) {
  using S = Share<T, W>;
  const Plan& plan = problem.plan;
  const Place place = Place::of<T, W>(plan);
  const Source<S> source{problem.x, plan, place};
  const Layout<T, W> layout(plan, problem.writing.moments != nullptr);
  float* const shared = reinterpret_cast<float*>(&shared_memory<uint4>());
  uint4* const ring = &shared_memory<uint4>() + layout.bytes() / 16;
  const int stage_size = stage_chunks<S>(problem.x.layout);
  RunningMoments<W::kVector> running;
  const Results<T, W> results{problem, place, shared, running};
  results.keep_constants();

  float weights[W::kKernelH][W::kKernelW][W::kVector];
  load_weights(problem.weights, plan.channels, place.channel, results.count(), weights);
  float sums[W::kDepthH][W::kColumns][W::kVector] = {};

  const auto copy = [&](const auto& at, int stage) {
    source.copy(at.strip, at.step, at.end(), ring + stage * stage_size);
  };
  const auto prepare = [&](const auto& at, int stage) {
    if (!problem.reading.any) return;
    read_through(problem.reading, source, at.strip, at.step, at.end(), ring + stage * stage_size);
  };
  const auto use = [&](const auto& at, int stage) {
    const uint4* rows = ring + stage * stage_size;
    const int end = min(at.step + S::kSteps, at.end());
#pragma unroll 1
    for (int step = at.step; step < end; ++step) {
#pragma unroll
      for (int d = W::kDepthH - 1; d >= 0; --d) {
        for (int i = 0; i < W::kColumns; ++i) {
          for (int v = 0; v < W::kVector; ++v) sums[d][i][v] = d > 0 ? sums[d - 1][i][v] : 0;
        }
      }
#pragma unroll
      for (int phase = 0; phase < W::kStrideH; ++phase, rows += problem.x.layout.row) {
        if (!source.has_row(step, phase)) continue;
        float x[S::kReach][W::kVector];
        source.load(rows, x);
#pragma unroll
        for (int d = W::kDepthH - 1; d >= 0; --d) {
          const int ky = W::kStrideH * d + phase;
          if (ky >= W::kKernelH) continue;
#pragma unroll
          for (int kx = 0; kx < W::kKernelW; ++kx) {
            if (W::kKernelH == 1 && kx >= problem.weights.kernel_w) break;
            for (int i = 0; i < W::kColumns; ++i) {
              for (int v = 0; v < W::kVector; ++v) {
                sums[d][i][v] += x[i * W::kStrideW + kx][v] * weights[ky][kx][v];
              }
            }
          }
        }
      }
      const int row = step - (W::kDepthH - 1);
      if (row >= at.strip.row) results.store(at.strip, row, sums[W::kDepthH - 1]);
    }
  };
  stream_stages<kStages>(plan, Steps<W>{}, S::kSteps, copy, prepare, use);

  if (problem.writing.moments == nullptr) return;
  results.load_moments();
  Moments moments[W::kVector];
  for (int v = 0; v < W::kVector; ++v) moments[v] = running.moments(v);
  merge_lanes(plan.channel_threads, plan.lanes(), moments, reinterpret_cast<Moments*>(ring));
  if (static_cast<int>(threadIdx.x) >= plan.channel_threads) return;
  Moments* const to =
      problem.writing.moments + std::int64_t{blockIdx.y} * plan.channels + place.channel;
  for (int v = 0; v < W::kVector; ++v) {
    if (v < results.count()) to[v] = moments[v];
  }
}

template <class T, class W>
Plan plan_of(Stream& stream, const Shape& result, bool aligned) {
  return make_plan(stream, {.result = result,
                            .pack = kPack<T>,
                            .vector = W::kVector,
                            .columns = W::kColumns,
                            .threads = W::kThreads,
                            .blocks = W::kBlocks,
                            .lead = W::kDepthH - 1,
                            .stage_steps = Share<T, W>::kSteps,
                            .aligned = aligned});
}

}  // namespace

void correlate(Stream& stream, const char* name, const DepthwiseShape& shape, const Shape& result,
               const Weights& weights, ConstView x, ConstView b, View y, const Prologue& prologue,
               const Epilogue& epilogue) {
  const std::int64_t channels = result.c;
  with_taps(shape.window, [&]<class W>(W) {
    with_element(x.dtype, [&]<class T>(const T*) {
      using S = Share<T, W>;
      const bool whole = packs(x.as<T>(), channels) && packs(y.as<T>(), channels) &&
                         packs(epilogue.residual.as<T>(), channels);
      const Plan plan = plan_of<T, W>(stream, result, whole);
      Problem<T> problem{
          plan,
          weights,
          {x.as<T>(), shape.input, shape.window.top, shape.window.left, plan.layout<S>()},
          y.as<T>(),
          Reading<T>(prologue),
          Writing<T>(b, epilogue)};
      Arena::Scope scratch(stream.scratch());
      Moments*& moments = problem.writing.moments;
      if (epilogue.mean) moments = take_parts<Moments>(scratch, plan.blocks, channels);
      const std::size_t merging =
          merge_lanes_bytes<Moments, W::kVector>(plan.channel_threads, plan.lanes());
      launch(stream, name, correlate_kernel<T, W>,
             {plan.grid(), dim3(static_cast<unsigned>(plan.threads())),
              Layout<T, W>(plan, moments != nullptr).bytes() +
                  std::max(kStages * stage_chunks<S>(problem.x.layout) * sizeof(uint4), merging)},
             problem);
      merge_statistics(stream, plan.blocks, channels, moments, epilogue);
    });
  });
}

std::size_t correlate_scratch_bytes(Stream& stream, const Window& window, const Shape& result,
                                    DType dtype) {
  std::size_t bytes = 0;
  with_taps(window, [&]<class W>(W) {
    with_element(dtype, [&]<class T>(const T*) {
      bytes = parts_bytes<Moments>(plan_of<T, W>(stream, result, true).blocks, result.c);
    });
  });
  return bytes;
}

}  // namespace paretiny::cuda::depthwise
