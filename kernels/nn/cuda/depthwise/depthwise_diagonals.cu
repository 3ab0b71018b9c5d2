// Depthwise convolution of 3x3 or 5x5 taps and stride 1 in bf16, forward and backward to the data,
// on tensor cores. For eight channels a tap is a product with the diagonal matrix of its eight
// weights, and two taps one product of depth 16: pixels by (eight channels at one tap, the same
// eight at the next) times two diagonals, one above the other. One in eight of the products counts;
// a product of 16 x 8 by 16 is still one instruction for 256 of them, where a lane's FMA is one
// for 32. Sums are f32, weights are rounded to bf16, as those of other layers are. A value that is
// not finite spreads to the results of its eight channels, for zero times infinity is none.
//
// Rows of pixels lie in shared memory as NHWC has them, 16 bytes a pixel and chunk of channels, and
// those are the rows of ldmatrix: a tap to the right is an address 16 bytes on. A warp makes 16
// columns of two chunks of channels, with the diagonals of all taps and the sums of the three or
// five rows of results that a source row meets in registers.
//
// Counted in machine code of sm_90a, see docs/kernels.md.
#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/core/cuda/mma.h"
#include "kernels/core/cuda/shared.h"
#include "kernels/core/cuda/variants.h"
#include "kernels/nn/cuda/depthwise/depthwise_rows.h"

namespace paretiny::cuda::depthwise {
namespace {

constexpr int kTile = 16;  ///< columns of a warp
constexpr int kChunkChannels = 8;
constexpr int kPair = 2;  ///< chunks of a warp

/// What a thread has in the end: two columns, eight apart, of four channels; by kSize x kSize taps.
template <int kSize>
struct Tiles {
  static constexpr int kVector = 4, kColumns = 2;
  static constexpr int kShareColumns = kTile, kColumnStep = 8;
  static constexpr int kThreads = 128, kBlocks = 3;
  static constexpr int kDepthH = kSize;  ///< rows of results that a source row meets
};

/// The source of a warp's columns. Pixels of a chunk are neighbours, and groups begin at multiples
/// of eight, so that eight pixels in a row meet all banks.
template <int kSize>
struct TileShare {
  using Element = bf16;
  static constexpr int kGroup = kTile, kReach = kTile + kSize - 1;
  static constexpr int kRows = 1, kVector = Tiles<kSize>::kVector;
  static constexpr int kPadded = kTile + 1;
  static constexpr int kCopies = 2;
};

/// The weights of a chunk as factors of products: of two taps, and of the last one of a row.
template <int kSize>
struct Diagonals {
  std::uint32_t two[kSize][kSize / 2][2], last[kSize];

  /// Of the channels from `first` on.
  __device__ Diagonals(const Weights& weights, int channels, int first, int lane) {
    const int column = lane / 4, channel = first + column;
    const auto at = [&](int ky, int kx) -> std::uint32_t {
      if (lane % 4 != column / 2 || channel >= channels) return 0;
      const float weight = weights.at(ky, kx, channels, channel);
      return column % 2 == 0 ? narrow_pair(weight, 0) : narrow_pair(0, weight);
    };
    for (int ky = 0; ky < kSize; ++ky) {
      for (int kx = 0; kx < kSize - 1; ++kx) two[ky][kx / 2][kx % 2] = at(ky, kx);
      last[ky] = at(ky, kSize - 1);
    }
  }
};

/// A warp takes a pair of chunks of a tile of columns of a sample.
__device__ Place place_of(const Plan& plan) {
  const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;
  const int pairs = plan.chunks / kPair, tile = thread / 32 / pairs;
  const int chunk = static_cast<int>(blockIdx.x) * plan.chunks + thread / 32 % pairs * kPair;
  return {(chunk + lane % 2) * kChunkChannels + lane % 4 / 2 * 4, tile % plan.column_threads,
          tile / plan.column_threads, lane / 4};
}

/// A block a strip of rows of y, as correlate_kernel.
template <int kSize>
__global__ void __launch_bounds__(Tiles<kSize>::kThreads, Tiles<kSize>::kBlocks)
    diagonals_kernel(GridDependency earlier, const Problem<bf16> problem) {
  earlier.wait();
  using W = Tiles<kSize>;
  using S = TileShare<kSize>;
  const Plan& plan = problem.plan;
  const Place place = place_of(plan);
  const Source<S> source(problem.x, plan, place);
  const ResultsLayout<bf16, W> layout(plan, problem.writing.moments != nullptr);
  uint4* const shared = &shared_memory<uint4>();
  uint4* const ring = shared + layout.chunks();
  Results<bf16, W> results(problem.writing, plan, place, reinterpret_cast<float*>(shared));

  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int pairs = plan.chunks / kPair, pair = static_cast<int>(threadIdx.x) / 32 % pairs;
  const int first = (static_cast<int>(blockIdx.x) * plan.chunks + pair * kPair) * kChunkChannels;
  const Diagonals<kSize> weights[kPair] = {
      {problem.weights, plan.channels, first, lane},
      {problem.weights, plan.channels, first + kChunkChannels, lane}};
  // Where the lane's pixels of each two taps lie in a row, and of the last, which is loaded for
  // both chunks at once.
  const RowLayout& row = problem.x.layout;
  const int mine =
      place.sample_lane * row.sample + place.column_lane * row.group + pair * kPair * S::kPadded;
  const auto pixel_at = [&](int pixel) { return mine + pixel / kTile * row.group + pixel % kTile; };
  const int pixel = lane % 16, second = lane / 16;
  constexpr int kTwos = kSize / 2;
  int at[kTwos];
  for (int i = 0; i < kTwos; ++i) at[i] = pixel_at(pixel + second + 2 * i);
  const int at_last = pixel_at(pixel + kSize - 1) + second * S::kPadded;

  float sums[W::kDepthH][kPair][4] = {};
  const uint4* rows = ring;
  float done[W::kColumns][W::kVector];
  const auto add = [&]<int kTurn>(int step) {
    for (auto& chunk : sums[kTurn]) {
      for (float& sum : chunk) sum = 0;
    }
    if (source.has_row(step, 0)) {
      __syncwarp();  // lanes store the row before as far as its columns exist
      std::uint32_t last[4];
      load_tiles(last, rows + at_last);
#pragma unroll
      for (int q = 0; q < kPair; ++q) {
        std::uint32_t x[kTwos][4];
        for (int i = 0; i < kTwos; ++i) load_tiles(x[i], rows + at[i] + q * S::kPadded);
#pragma unroll
        for (int ky = 0; ky < kSize; ++ky) {
          auto& sum = sums[(kTurn + W::kDepthH - ky) % W::kDepthH][q];
          for (int i = 0; i < kTwos; ++i) mma_16x8x16(sum, x[i], weights[q].two[ky][i]);
          mma_16x8x8(sum, {last[2 * q], last[2 * q + 1]}, weights[q].last[ky]);
        }
      }
    }
    rows += row.row;
    // Lanes have two channels of both chunks; neighbours swap, so that one has four of the first,
    // the other four of the second.
    const auto& complete = sums[(kTurn + 1) % W::kDepthH];
    const bool odd = lane % 2 != 0;
    for (int i = 0; i < W::kColumns; ++i) {
      for (int v = 0; v < 2; ++v) {
        const float a = complete[0][2 * i + v], b = complete[1][2 * i + v];
        const float kept = odd ? b : a;
        const float got = __shfl_xor_sync(kAllLanes, odd ? a : b, 1);
        done[i][v] = odd ? got : kept;
        done[i][v + 2] = odd ? kept : got;
      }
    }
  };
  correlate_rows<W>(problem, source, place, ring, results, rows, done, add);
  if (problem.writing.moments != nullptr) results.merge_moments(reinterpret_cast<Moments*>(ring));
}

/// The row of a ring's stage.
template <int kSize>
RowLayout row_layout(const Plan& plan) {
  using S = TileShare<kSize>;
  const int groups = plan.column_threads + 1;
  const int group = round_up(plan.chunks * S::kPadded, 8);
  return {(plan.column_threads - 1) * kTile + S::kReach, group, groups * group,
          plan.sample_threads * groups * group};
}

template <int kSize>
Plan plan_of(Stream& stream, const Shape& result, bool aligned) {
  using W = Tiles<kSize>;
  constexpr std::int64_t kWarps = W::kThreads / 32;
  // So many of `all` that no block is much emptier than others, at most `most`.
  const auto even = [](std::int64_t all, std::int64_t most) {
    return ceil_div(all, ceil_div(all, most));
  };
  const std::int64_t all_pairs = ceil_div(result.c, kPair * kChunkChannels);
  const std::int64_t all_tiles = ceil_div(result.w, kTile);
  const std::int64_t tiles = even(all_tiles, kWarps);
  const std::int64_t pairs = even(all_pairs, kWarps / tiles);
  const std::int64_t samples = even(result.n, kWarps / tiles / pairs);
  PlanRequest request = plan_request<bf16, W, TileShare<kSize>>(result, aligned);
  request.stages = kStages;
  request.stage_steps = 1;
  Plan plan = make_plan(stream, request,
                        {all_pairs * kPair, all_tiles, pairs * kPair, pairs * 32, tiles, samples});
  const int step_bytes = row_layout<kSize>(plan).row * static_cast<int>(sizeof(uint4));
  plan.stage_steps = std::clamp(kRingBytes / W::kBlocks / kStages / step_bytes, 1, kMostStageSteps);
  return plan;
}

/// Calls f with the size of a window, compile-time; false for those that are not made so.
template <class F>
bool with_size(const nn::Window& window, F f) {
  if (window.stride_h != 1 || window.stride_w != 1 || window.kernel_h != window.kernel_w) {
    return false;
  }
  if (window.kernel_h == 3) return f(std::integral_constant<int, 3>{}), true;
  if (window.kernel_h == 5) return f(std::integral_constant<int, 5>{}), true;
  return false;
}

}  // namespace

bool takes_diagonals(const nn::Window& window, DType dtype, std::int64_t channels) {
  const Choice choice = window.kernel_h == 3 ? Choice::depthwise_3x3 : Choice::depthwise_5x5;
  return dtype == DType::bf16 && with_size(window, [](auto) {}) &&
         variant_of(choice, dtype, channels) == Variant::diagonals;
}

void correlate_diagonals(Stream& stream, const char* name, const nn::DepthwiseShape& shape,
                         const Shape& result, const Weights& weights,
                         const nn::ConvolutionForward& t) {
  const std::int64_t channels = result.c;
  const bool whole = packs(t.x.as<bf16>(), channels) && packs(t.y.as<bf16>(), channels) &&
                     packs(t.epilogue.residual.as<bf16>(), channels);
  with_size(shape.window, [&](auto size) {
    const Plan plan = plan_of<size()>(stream, result, whole);
    Problem<bf16> problem{plan,
                          weights,
                          {t.x.as<bf16>(), shape.input, shape.window.top, shape.window.left,
                           row_layout<size()>(plan)},
                          Reading<bf16>(t.prologue),
                          Writing<bf16>(t.y, t.b, t.epilogue)};
    launch_correlation<bf16, Tiles<size()>, TileShare<size()>>(
        stream, name, diagonals_kernel<size()>, problem, t.epilogue);
  });
}

std::size_t correlate_diagonals_scratch_bytes(Stream& stream, const nn::Window& window,
                                              const Shape& result) {
  std::size_t bytes = 0;
  with_size(window, [&](auto size) {
    bytes = parts_bytes<Moments>(plan_of<size()>(stream, result, true).blocks, result.c);
  });
  return bytes;
}

}  // namespace paretiny::cuda::depthwise
