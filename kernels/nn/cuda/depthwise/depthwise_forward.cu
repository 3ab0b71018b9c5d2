// Depthwise convolution forward, and backward to the data where the stride is one: the same sums
// with the window turned around.
//
// A thread (depthwise.h) keeps the weights of its channels and the sums of the kDepthH rows of
// results that a source row meets in registers. Every source row is read once from shared memory
// and added to all of them; then the oldest row is complete. The floor is memory: x once and y once
// (and the residual). Strips read a halo again, from L2: kernel - stride rows, and as many columns
// where a block does not take whole rows.
//
// An H200 at the rate of a copy leaves about 28 issue slots a bf16 result; counted in machine code,
// 3x3 takes about 23 (9 of them products), 5x5 about 48 (25): 5x5 with stride 1 would be bound by
// arithmetic, so that in bf16 tensor cores do it (depthwise_diagonals.cu).
#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/core/cuda/shared.h"
#include "kernels/nn/cuda/depthwise/depthwise_kernels.h"
#include "kernels/nn/cuda/depthwise/depthwise_rows.h"

namespace paretiny::cuda::depthwise {
namespace {

template <class T, class W>
using Share = SourceShare<T, W::kColumns * W::kStrideW,
                          (W::kColumns - 1) * W::kStrideW + W::kKernelW, W::kStrideH, W::kVector>;

/// A block a strip of rows of y [n, oh, ow, c]; the rows of x [n, h, w, c] that it needs come
/// through shared memory once.
template <class T, class W>
__global__ void __launch_bounds__(W::kThreads, W::kBlocks)
    correlate_kernel(GridDependency earlier, const Problem<T> problem) {
  earlier.wait();
  using S = Share<T, W>;
  const Plan& plan = problem.plan;
  const Place place = Place::of<T, W>(plan);
  const Source<S> source(problem.x, plan, place);
  const ResultsLayout<T, W> layout(plan, problem.writing.moments != nullptr);
  uint4* const shared = &shared_memory<uint4>();
  uint4* const ring = shared + layout.chunks();
  Results<T, W> results(problem.writing, plan, place, reinterpret_cast<float*>(shared));

  float weights[W::kKernelH][W::kKernelW][W::kVector];
  load_weights(problem.weights, plan.channels, place.channel, results.count(), weights);
  // Those of result row r are in [r % kDepthH], counted from the first row of all.
  float sums[W::kDepthH][W::kColumns][W::kVector] = {};

  const uint4* rows = ring;
  float done[W::kColumns][W::kVector];
  // Begins the sums of row `step`, adds the source rows of the step to all that meet them, and
  // leaves in `done` those of the row that is then complete.
  const auto add = [&]<int kTurn>(int step) {
    for (auto& column : sums[kTurn]) {
      for (float& sum : column) sum = 0;
    }
#pragma unroll
    for (int phase = 0; phase < W::kStrideH; ++phase, rows += problem.x.layout.row) {
      if (!source.has_row(step, phase)) continue;
      float x[S::kReach][W::kVector];
      source.load(rows, x);
#pragma unroll
      for (int ky = phase; ky < W::kKernelH; ky += W::kStrideH) {
        const int slot = (kTurn + W::kDepthH - ky / W::kStrideH) % W::kDepthH;
#pragma unroll
        for (int kx = 0; kx < W::kKernelW; ++kx) {
          if (W::kKernelH == 1 && kx >= problem.weights.kernel_w) break;
          for (int i = 0; i < W::kColumns; ++i) {
            for (int v = 0; v < W::kVector; ++v) {
              sums[slot][i][v] += x[i * W::kStrideW + kx][v] * weights[ky][kx][v];
            }
          }
        }
      }
    }
    for (int i = 0; i < W::kColumns; ++i) {
      for (int v = 0; v < W::kVector; ++v) done[i][v] = sums[(kTurn + 1) % W::kDepthH][i][v];
    }
  };
  correlate_rows<W>(problem, source, place, ring, results, rows, done, add);
  if (problem.writing.moments != nullptr) results.merge_moments(reinterpret_cast<Moments*>(ring));
}

template <class T, class W>
Plan plan_of(Stream& stream, const Shape& result, bool aligned) {
  PlanRequest request = plan_request<T, W, Share<T, W>>(result, aligned);
  request.stages = kStages;
  return make_plan(stream, request);
}

}  // namespace

void correlate(Stream& stream, const char* name, const nn::DepthwiseShape& shape,
               const Shape& result, const Weights& weights, const nn::ConvolutionForward& t) {
  const std::int64_t channels = result.c;
  if (takes_diagonals(shape.window, t.x.dtype, channels)) {
    return correlate_diagonals(stream, name, shape, result, weights, t);
  }
  with_taps(shape.window, [&]<class W>(W) {
    with_element(t.x.dtype, [&]<class T>(T) {
      using S = Share<T, W>;
      const bool whole = packs(t.x.as<T>(), channels) && packs(t.y.as<T>(), channels) &&
                         packs(t.epilogue.residual.as<T>(), channels);
      const Plan plan = plan_of<T, W>(stream, result, whole);
      Problem<T> problem{plan,
                         weights,
                         {t.x.as<T>(), shape.input, shape.window.top, shape.window.left,
                          plan.layout(S::kGroup, S::kReach)},
                         Reading<T>(t.prologue),
                         Writing<T>(t.y, t.b, t.epilogue)};
      launch_correlation<T, W, S>(stream, name, correlate_kernel<T, W>, problem, t.epilogue);
    });
  });
}

std::size_t correlate_scratch_bytes(Stream& stream, const nn::Window& window, const Shape& result,
                                    DType dtype) {
  if (takes_diagonals(window, dtype, result.c)) {
    return correlate_diagonals_scratch_bytes(stream, window, result);
  }
  std::size_t bytes = 0;
  with_taps(window, [&]<class W>(W) {
    with_element(dtype, [&]<class T>(T) {
      bytes = parts_bytes<Moments>(plan_of<T, W>(stream, result, true).blocks, result.c);
    });
  });
  return bytes;
}

}  // namespace paretiny::cuda::depthwise
