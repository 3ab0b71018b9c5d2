// Depthwise convolution backward to the data with stride 2: every gradient of the output spreads
// over the window that made it.
//
// In coordinates of the padded input, output gradient (r, q) meets rows 2r + ky and columns
// 2q + kx: a thread owns an even number of neighbouring columns and keeps sums for kKernelH rows;
// a row of gradients, read once, completes two of them. The floor is dy once and dx, four times as
// large, once.
#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/core/cuda/shared.h"
#include "kernels/nn/cuda/depthwise/depthwise_kernels.h"
#include "kernels/nn/cuda/depthwise/depthwise_stream.h"

namespace paretiny::cuda::depthwise {
namespace {

constexpr int kStages = 3;  // two on their way while one is read

template <class F>
void with_spread_taps(const nn::Window& window, F f) {
  if (window.kernel_h == 3) return f(Taps<3, 3, 2, 4, 4, 128>{});
  if (window.kernel_h == 5) return f(Taps<5, 5, 2, 2, 4, 128>{});
  f(Taps<1, 9, 2, 2, 8>{});
}

template <class T, class W>
using Share = SourceShare<T, W::kColumns / W::kStrideW, W::kColumns / W::kStrideW + W::kDepthW - 1,
                          1, W::kVector>;

template <class T>
struct Problem {
  Plan plan;
  Weights weights;
  SourceTensor<T> dy;
  T* dx;
  int top, left;  ///< padding; `left` is that of the first thread's first column: 0 or 1
};

/// At step t the gradients of output row t.
template <class W>
struct Steps {
  int top;
  __device__ int first(const Strip& strip) const {
    return (strip.row + top) / W::kStrideH - (W::kDepthH - 1);
  }
  __device__ int end(const Strip& strip) const {
    return (strip.row_end - 1 + top) / W::kStrideH + 1;
  }
};

/// A block a strip of rows of dx [n, h, w, c]; the rows of dy [n, oh, ow, c] that reach it come
/// through shared memory once.
template <class T, class W>
__global__ void __launch_bounds__(W::kThreads, W::kBlocks)
    spread_kernel(GridDependency earlier, const Problem<T> problem) {
  earlier.wait();
  using S = Share<T, W>;
  const Plan& plan = problem.plan;
  const Place place = Place::of<T, W>(plan);
  const Source<S> source(problem.dy, plan, place);
  uint4* const ring = &shared_memory<uint4>();
  const int stage_size = problem.dy.template chunks<S>(plan);
  const int channel = place.channel;
  const int count = min(plan.channels - channel, W::kVector);

  float weights[W::kKernelH][W::kKernelW][W::kVector];
  load_weights(problem.weights, plan.channels, channel, count, weights);
  float sums[W::kKernelH][W::kColumns][W::kVector] = {};

  const auto store = [&](const Strip& strip, int row, float(&values)[W::kColumns][W::kVector]) {
    const int sample = strip.sample + place.sample_lane;
    if (row < strip.row || row >= strip.row_end || count <= 0 || sample >= plan.samples) return;
    const int first =
        (strip.column_strip * plan.column_threads + place.column_lane) * W::kColumns - problem.left;
    T* const to = problem.dx +
                  (std::int64_t{sample} * plan.result_h + row) * plan.result_w * plan.channels +
                  channel;
#pragma unroll
    for (int i = 0; i < W::kColumns; ++i) {
      const int column = first + i;
      if (column < 0 || column >= plan.result_w) continue;
      const Packed<T, W::kVector> packed(values[i]);
      if (plan.aligned) {
        packed.store(to + column * plan.channels);
      } else {
        packed.store_some(to + column * plan.channels, count);
      }
    }
  };
  typename Source<S>::Way way{};
  const auto copy = [&](const auto& at, int stage) {
    if (at.at_first()) way = source.enter(at.strip, at.step);
    source.copy(way, at.step, at.end(), ring + stage * stage_size);
  };
  const auto use = [&](const auto& at, int stage) {
    const uint4* row = ring + stage * stage_size;
    const int end = min(at.step + plan.stage_steps, at.end());
#pragma unroll 1
    for (int step = at.step; step < end; ++step, row += problem.dy.layout.row) {
      if (step == at.step && at.at_first()) {
        for (auto& row_sums : sums) {
          for (auto& column : row_sums) {
            for (float& sum : column) sum = 0;
          }
        }
      }
      if (source.has_row(step, 0)) {
        float dy[S::kReach][W::kVector];
        source.load(row, dy);
#pragma unroll
        for (int ky = 0; ky < W::kKernelH; ++ky) {
#pragma unroll
          for (int kx = 0; kx < W::kKernelW; ++kx) {
            if (W::kKernelH == 1 && kx >= problem.weights.kernel_w) break;
            for (int i = kx % W::kStrideW; i < W::kColumns; i += W::kStrideW) {
              const int from = (i - kx) / W::kStrideW + W::kDepthW - 1;
              for (int v = 0; v < W::kVector; ++v) {
                sums[ky][i][v] += dy[from][v] * weights[ky][kx][v];
              }
            }
          }
        }
      }
#pragma unroll
      for (int ky = 0; ky < W::kKernelH; ++ky) {
        if (ky < W::kStrideH) store(at.strip, step * W::kStrideH + ky - problem.top, sums[ky]);
        for (int i = 0; i < W::kColumns; ++i) {
          for (int v = 0; v < W::kVector; ++v) {
            constexpr int kShift = W::kStrideH;
            sums[ky][i][v] =
                ky + kShift < W::kKernelH ? sums[(ky + kShift) % W::kKernelH][i][v] : 0;
          }
        }
      }
    }
  };
  stream_stages<kStages>(
      plan, Steps<W>{problem.top}, copy, [](const auto&, int) {}, use);
}

}  // namespace

void spread(Stream& stream, const nn::DepthwiseShape& shape, ConstView dy, ConstView w, View dx) {
  with_spread_taps(shape.window, [&]<class W>(W) {
    with_element(dy.dtype, [&]<class T>(T) {
      using S = Share<T, W>;
      const nn::Window& window = shape.window;
      const std::int64_t channels = shape.input.c;
      const std::int64_t odd = window.left % W::kStrideW;
      const bool whole = packs(dy.as<T>(), channels) && packs(dx.as<T>(), channels);
      PlanRequest request = plan_request<T, W, S>(dx.shape, whole);
      request.margin = static_cast<int>(odd);
      request.step_rows = W::kStrideH;
      request.stages = kStages;
      const Plan plan = make_plan(stream, request);
      const std::int64_t before = W::kDepthW - 1 - window.left / W::kStrideW;
      const Problem<T> problem{plan,
                               {w.as<float>(), static_cast<int>(window.kernel_h),
                                static_cast<int>(window.kernel_w), false},
                               {dy.as<T>(), dy.shape, 0, before, plan.layout(S::kGroup, S::kReach)},
                               dx.as<T>(),
                               static_cast<int>(window.top),
                               static_cast<int>(odd)};
      launch_dependent(stream, "depthwise_backward_data", spread_kernel<T, W>,
                       {plan.grid(), dim3(static_cast<unsigned>(plan.threads())),
                        kStages * problem.dy.template chunks<S>(plan) * sizeof(uint4)},
                       problem);
    });
  });
}

}  // namespace paretiny::cuda::depthwise
