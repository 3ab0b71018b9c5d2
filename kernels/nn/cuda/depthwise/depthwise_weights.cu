// The weight gradient of a depthwise convolution: for each element of the window a sum of products
// over all samples and pixels.
//
// A thread (depthwise.h) keeps the sums of all elements of the window for its channels in
// registers, with the last kDepthH rows of output gradients in its columns: a row of x, read once,
// meets them all. Threads and then blocks are summed in a fixed order. The floor is x once and dy
// once; the halo of x between strips comes from L2.
#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/core/cuda/shared.h"
#include "kernels/nn/cuda/depthwise/depthwise_fusion.h"
#include "kernels/nn/cuda/depthwise/depthwise_kernels.h"

namespace paretiny::cuda::depthwise {
namespace {

constexpr int kStages = 2;  // of x and dy; a third would not fit

/// What a thread sums fits in 128 registers, a stage of two blocks in half the shared memory.
template <class T, class F>
void with_weight_taps(const nn::Window& window, F f) {
  constexpr int kWide = sizeof(T) == 2 ? 4 : 2;  // columns of a thread, by a stage's bytes
  if (window.kernel_h == 3) {
    return window.stride_h == 1 ? f(Taps<3, 3, 1, 2, kWide, 128>{}) : f(Taps<3, 3, 2, 2, 2, 128>{});
  }
  if (window.kernel_h == 5) {
    return window.stride_h == 1 ? f(Taps<5, 5, 1, 2, 2, 128>{}) : f(Taps<5, 5, 2, 2, 2, 128>{});
  }
  window.stride_w == 1 ? f(Taps<1, 9, 1, 2, 2 * kWide>{}) : f(Taps<1, 9, 2, 2, kWide>{});
}

template <class T, class W>
using InputShare =
    SourceShare<T, W::kColumns * W::kStrideW, (W::kColumns - 1) * W::kStrideW + W::kKernelW,
                W::kStrideH, W::kVector>;
template <class T, class W>
using GradientShare = SourceShare<T, W::kColumns, W::kColumns, 1, W::kVector>;

template <class T>
struct Problem {
  Plan plan;  ///< of the output
  SourceTensor<T> x, dy;
  Reading<T> reading;
  int kernel_w;
  PlainSum* partial;  ///< [blocks][taps and the bias][channels]
};

/// A block a strip of rows of dy [n, oh, ow, c] and the rows of x [n, h, w, c] above it; its sums
/// go to its part of `partial`.
template <class T, class W>
__global__ void __launch_bounds__(W::kThreads, W::kBlocks)
    weights_kernel(GridDependency earlier, const Problem<T> problem) {
  earlier.wait();
  using X = InputShare<T, W>;
  using D = GradientShare<T, W>;
  const Plan& plan = problem.plan;
  const Place place = Place::of<T, W>(plan);
  const Source<X> input(problem.x, plan, place);
  const Source<D> gradient(problem.dy, plan, place);
  uint4* const ring = &shared_memory<uint4>();
  const int x_size = problem.x.template chunks<X>(plan);
  const int stage_size = x_size + problem.dy.template chunks<D>(plan);

  constexpr int kBias = W::kKernelH * W::kKernelW;
  PlainSum sums[(kBias + 1) * W::kVector];
  float dy[W::kDepthH][W::kColumns][W::kVector];

  typename Source<X>::Way x_way{};
  typename Source<D>::Way dy_way{};
  const auto copy = [&](const auto& at, int stage) {
    if (at.at_first()) {
      x_way = input.enter(at.strip, at.step);
      dy_way = gradient.enter(at.strip, at.step);
    }
    uint4* const to = ring + stage * stage_size;
    input.copy(x_way, at.step, at.end(), to);
    gradient.copy(dy_way, at.step, at.strip.row_end, to + x_size);
  };
  const auto prepare = [&](const auto& at, int stage) {
    if (!problem.reading.any) return;
    read_through(problem.reading, input, plan, place, at, ring + stage * stage_size);
  };
  const auto use = [&](const auto& at, int stage) {
    const uint4* rows = ring + stage * stage_size;
    const uint4* gradients = rows + x_size;
#pragma unroll
    for (int turn = 0; turn < W::kDepthH; ++turn, gradients += problem.dy.layout.row) {
      const int step = at.step + turn;
      if (step >= at.end()) break;
      if (step < at.strip.row_end) {
        gradient.load(gradients, dy[turn]);
        for (int i = 0; i < W::kColumns; ++i) {
          for (int v = 0; v < W::kVector; ++v) sums[kBias * W::kVector + v].sum += dy[turn][i][v];
        }
      }
#pragma unroll
      for (int phase = 0; phase < W::kStrideH; ++phase, rows += problem.x.layout.row) {
        if (!input.has_row(step, phase)) continue;
        float x[X::kReach][W::kVector];
        input.load(rows, x);
#pragma unroll
        for (int d = 0; d < W::kDepthH; ++d) {
          const int ky = W::kStrideH * d + phase;
          if (ky >= W::kKernelH || step - d < at.strip.row || step - d >= at.strip.row_end)
            continue;
#pragma unroll
          for (int kx = 0; kx < W::kKernelW; ++kx) {
            if (W::kKernelH == 1 && kx >= problem.kernel_w) break;
            for (int i = 0; i < W::kColumns; ++i) {
              for (int v = 0; v < W::kVector; ++v) {
                sums[(ky * W::kKernelW + kx) * W::kVector + v].sum +=
                    x[i * W::kStrideW + kx][v] * dy[(turn - d + W::kDepthH) % W::kDepthH][i][v];
              }
            }
          }
        }
      }
    }
  };
  stream_stages<kStages>(plan, RowSteps<W>{}, copy, prepare, use);

  merge_lanes(plan.channel_threads, plan.lanes(), sums, reinterpret_cast<PlainSum*>(ring));
  if (static_cast<int>(threadIdx.x) >= plan.channel_threads) return;
  const int channel = place.channel;
  const int bias = W::kKernelH == 1 ? problem.kernel_w : kBias;
#pragma unroll
  for (int tap = 0; tap <= kBias; ++tap) {
    if (tap >= bias && tap < kBias) continue;
    const std::int64_t row = std::int64_t{blockIdx.y} * (bias + 1) + min(tap, bias);
    for (int v = 0; v < W::kVector; ++v) {
      if (channel + v >= plan.channels) break;
      problem.partial[row * plan.channels + channel + v] = sums[tap * W::kVector + v];
    }
  }
}

/// A stage holds kDepthH steps, so that a row of gradients is always kept in the same registers.
template <class T, class W>
Plan plan_of(Stream& stream, const Shape& result, bool aligned) {
  PlanRequest request = plan_request<T, W, InputShare<T, W>>(result, aligned);
  request.stage_steps = W::kDepthH;
  return make_plan(stream, request);
}

/// Elements of [taps and the bias][channels].
std::int64_t sums_of(const nn::DepthwiseShape& shape) {
  return (shape.window.kernel_h * shape.window.kernel_w + 1) * shape.input.c;
}

}  // namespace

void stream_weights(Stream& stream, const nn::DepthwiseShape& shape,
                    const nn::ConvolutionWeightGradient& t) {
  with_element(t.x.dtype, [&]<class T>(T) {
    with_weight_taps<T>(shape.window, [&]<class W>(W) {
      using X = InputShare<T, W>;
      using D = GradientShare<T, W>;
      const nn::Window& window = shape.window;
      const bool whole = packs(t.x.as<T>(), shape.input.c) && packs(t.dy.as<T>(), shape.input.c);
      const Plan plan = plan_of<T, W>(stream, shape.output(), whole);
      Arena::Scope scratch(stream.scratch());
      const Problem<T> problem{
          plan,
          {t.x.as<T>(), shape.input, window.top, window.left, plan.layout(X::kGroup, X::kReach)},
          {t.dy.as<T>(), shape.output(), 0, 0, plan.layout(D::kGroup, D::kReach)},
          Reading<T>(t.prologue),
          static_cast<int>(window.kernel_w),
          take_parts<PlainSum>(scratch, plan.blocks, sums_of(shape))};
      const int stage = problem.x.template chunks<X>(plan) + problem.dy.template chunks<D>(plan);
      constexpr int kSums = (W::kKernelH * W::kKernelW + 1) * W::kVector;
      launch_dependent(
          stream, "depthwise_backward_weights", weights_kernel<T, W>,
          {plan.grid(), dim3(static_cast<unsigned>(plan.threads())),
           std::max(kStages * stage * sizeof(uint4),
                    merge_lanes_bytes<PlainSum, kSums>(plan.channel_threads, plan.lanes()))},
          problem);
      merge_weights(stream, shape, plan.blocks, problem.partial, t.dw, t.db);
    });
  });
}

std::size_t stream_weights_scratch_bytes(Stream& stream, const nn::DepthwiseShape& shape,
                                         DType dtype) {
  std::size_t bytes = 0;
  with_element(dtype, [&]<class T>(T) {
    with_weight_taps<T>(shape.window, [&]<class W>(W) {
      bytes =
          parts_bytes<PlainSum>(plan_of<T, W>(stream, shape.output(), true).blocks, sums_of(shape));
    });
  });
  return bytes;
}

}  // namespace paretiny::cuda::depthwise
