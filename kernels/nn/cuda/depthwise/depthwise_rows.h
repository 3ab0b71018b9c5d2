// The walk of the depthwise forward kernels down the rows of their strips, whatever multiplies.
#pragma once

#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/nn/cuda/depthwise/depthwise_kernels.h"
#include "kernels/nn/cuda/depthwise/depthwise_results.h"

namespace paretiny::cuda::depthwise {

inline constexpr int kStages = 3;  ///< two on their way while one is read

/// Calls f<turn>() for a turn below kTurns: as a constant, so that arrays it indexes stay in
/// registers, and in one place each, so that it is inlined.
template <int kTurns, int kTurn = 0, class F>
__device__ void with_turn(int turn, F f) {
  if constexpr (kTurn + 1 < kTurns) {
    if (turn != kTurn) return with_turn<kTurns, kTurn + 1>(turn, f);
  }
  f.template operator()<kTurn>();
}

template <class T>
struct Problem {
  Plan plan;
  Weights weights;
  SourceTensor<T> x;
  Reading<T> reading;
  Writing<T> writing;
};

/// Brings the rows of x of all strips of the block through the ring. At every step `rows` is where
/// the step's source rows lie, add<turn>(step) begins the sums of the row of results that they meet
/// first, adds them to all that they meet, and leaves in `done` those of the row that is complete
/// then; `turn` counts the steps modulo kDepthH.
template <class W, class T, class S, class Row, class Add>
__device__ void correlate_rows(const Problem<T>& problem, const Source<S>& source,
                               const Place& place, uint4* ring, Results<T, W>& results,
                               const uint4*& rows, Row& done, Add add) {
  const Plan& plan = problem.plan;
  const int stage_size = problem.x.template chunks<S>(plan);
  int turn = 0;
  typename Source<S>::Way way{};
  const auto copy = [&](const auto& at, int stage) {
    if (at.at_first()) way = source.enter(at.strip, at.step);
    source.copy(way, at.step, at.end(), ring + stage * stage_size);
  };
  const auto prepare = [&](const auto& at, int stage) {
    if (!problem.reading.any) return;
    read_through(problem.reading, source, plan, place, at, ring + stage * stage_size);
  };
  const auto use = [&](const auto& at, int stage) {
    if (at.at_first()) results.enter(at.strip);
    rows = ring + stage * stage_size;
    const int end = min(at.step + plan.stage_steps, at.end());
#pragma unroll 1
    for (int step = at.step; step < end; ++step) {
      with_turn<W::kDepthH>(turn, [&]<int kTurn>() { add.template operator()<kTurn>(step); });
      turn = turn + 1 == W::kDepthH ? 0 : turn + 1;
      if (step - (W::kDepthH - 1) >= at.strip.row) results.store_row(done);
    }
  };
  stream_stages<kStages>(plan, RowSteps<W>{}, copy, prepare, use);
}

/// Starts a kernel that makes a problem's results, and brings its statistics together.
template <class T, class W, class S>
void launch_correlation(Stream& stream, const char* name,
                        void (*kernel)(GridDependency, const Problem<T>), Problem<T> problem,
                        const nn::Epilogue& epilogue) {
  const Plan& plan = problem.plan;
  Arena::Scope scratch(stream.scratch());
  Moments*& moments = problem.writing.moments;
  if (epilogue.mean) moments = take_parts<Moments>(scratch, plan.blocks, plan.channels);
  const std::size_t merging =
      merge_lanes_bytes<Moments, W::kVector>(plan.channel_threads, plan.lanes());
  launch_dependent(
      stream, name, kernel,
      {plan.grid(), dim3(static_cast<unsigned>(plan.threads())),
       ResultsLayout<T, W>(plan, moments != nullptr).chunks() * sizeof(uint4) +
           std::max(kStages * problem.x.template chunks<S>(plan) * sizeof(uint4), merging)},
      problem);
  merge_statistics(stream, plan.blocks, plan.channels, moments, epilogue);
}

}  // namespace paretiny::cuda::depthwise
