// Products of pixels with a layer's weights on tensor cores: the forward pass, and the gradient of
// its input.
//
// Bytes: x once, y once, w once a block. A block keeps its columns of the weights in shared memory,
// as bf16, for as long as it lives, and there is one block a multiprocessor. Its warps go their own
// ways from there, without another barrier: each takes 32 pixels at a time, streams their channels
// through three panels of its own that cp.async fills (up to 4 KB each: 8 to 12 warps have up to
// 144 KB on their way), multiplies, and turns the panel it read last into 32 rows of y that leave
// in 16-byte stores. While one warp computes, others wait for memory. A residual comes as further
// panels of the same stream and is overwritten by y in place. Where the columns take several
// slices, blocks of all slices go through the same pixels together, so that x comes from memory
// once and from the cache after that.
//
// Registers on sm_90: 163 for slices of up to 64 columns, which 12 warps have room for; 233 for up
// to 128, and 8 warps.
#include <algorithm>

#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/core/host_device.h"
#include "kernels/nn/cuda/merge_parts.h"
#include "kernels/nn/cuda/pointwise/pixel_rows.h"
#include "kernels/nn/cuda/pointwise/pointwise_mma.h"

namespace paretiny::cuda {
namespace {

using namespace pixels;

/// sum += the panel's channels, number `p` of x, times their weights.
template <int kColumns, bool kInnerFirst>
__device__ void multiply_panel(float (&sum)[2][kColumns / 8][4], const bf16* panel, int p,
                               const bf16* weights, const Job& job, const Place& place) {
  const int left = job.x.columns - p * kPanel;
  const int steps = ceil_div(left < kPanel ? left : kPanel, 16);
  const int padded_inner = round_up(job.x.columns, 16);
  const int padded_columns = round_up(place.columns, 16);
  const auto load = [&](std::uint32_t(&b)[4], int s, int j) {
    if constexpr (kInnerFirst) {
      load_b(b, weights + j / 4 * padded_inner * kPanel, p * kPanel + s * 16, j % 4 * 16,
             place.lane);
    } else {
      load_b_transposed(b, weights + p * padded_columns * kPanel, j * 16, s, place.lane);
    }
  };
  for (int s = 0; s < steps; ++s) {
    std::uint32_t a[2][4], b[2][4];
    load_a(a[0], panel, 0, s, place.lane);
    load_a(a[1], panel, 16, s, place.lane);
    load(b[0], s, 0);
#pragma unroll
    for (int j = 0; j < kColumns / 16; ++j) {
      if (j * 16 >= place.columns) continue;
      if ((j + 1) * 16 < place.columns) load(b[(j + 1) % 2], s, j + 1);
      multiply(sum[0][2 * j], sum[0][2 * j + 1], a[0], b[j % 2]);
      multiply(sum[1][2 * j], sum[1][2 * j + 1], a[1], b[j % 2]);
    }
  }
}

/// A warp tiles of 32 pixels x kColumns columns, one after another, the weights in shared memory.
/// Rows of x [pixels, x.columns] are read once for every kColumns columns.
template <int kColumns, bool kInnerFirst>
__global__ void __launch_bounds__(kWarps<kColumns>* kWarp)
    pixel_kernel(GridDependency earlier, const Job job) {
  earlier.wait();
  auto& shared = shared_memory<Shared>();
  const Place place(job);
  bf16* const panels = reinterpret_cast<bf16*>(&shared + 1);
  bf16* const weights = panels + place.warps * kQueue;
  PanelQueue queue(job, place, panels + place.warp * kQueue);
  const auto load_from = [&](const auto* from) {
    if constexpr (kInnerFirst) {
      load_weights(weights, from, job.columns, 0, job.x.columns, place.column, place.columns);
    } else {
      load_weights(weights, from, job.x.columns, place.column, place.columns, 0, job.x.columns);
    }
  };
  if (job.bf16_weights) {
    load_from(static_cast<const bf16*>(job.weights));
  } else {
    load_from(static_cast<const float*>(job.weights));
  }
  for (int c = static_cast<int>(threadIdx.x); c < kColumns; c += static_cast<int>(blockDim.x)) {
    const bool inside = c < place.columns;
    shared.factor[c] = inside ? job.output.factor(place.column + c) : 0.0f;
    shared.addend[c] = inside ? job.output.addend(place.column + c) : 0.0f;
  }
  __syncthreads();

  constexpr int kPanels = kColumns / kPanel;
  LaneSums sums[kPanels];
  float count = 0;
  for (int tile = place.tile; tile < place.tiles; tile += place.step) {
    float sum[2][kColumns / 8][4] = {};
    bf16* panel = nullptr;
    for (int p = 0; p < job.x_panels(); ++p) {
      panel = queue.next();
      const int channels = job.x.columns - p * kPanel;
      if (!kInnerFirst && job.input.any) {
        transform_panel(
            panel, rows_of(job, tile), job.input, job.x.columns,
            {std::int64_t{tile} * kRows, p * kPanel, channels < kPanel ? channels : kPanel},
            place.lane, kWarp);
      }
      __syncwarp();
      multiply_panel<kColumns, kInnerFirst>(sum, panel, p, weights, job, place);
    }
#pragma unroll
    for (int p = 0; p < kPanels; ++p) {
      if (p * kPanel >= place.columns) continue;
      if (job.residual.data != nullptr) panel = queue.next();
      __syncwarp();
      finish_panel(panel, sum, p * kPanel, shared, job, place);
      __syncwarp();
      store_panel(panel, p * kPanel, tile, sums[p], shared, job, place);
    }
    count += static_cast<float>(rows_of(job, tile));
  }
  if (job.moments == nullptr) return;
  if (place.lane == 0) shared.count[place.warp] = count;
  store_moments(sums, shared, panels, job, place);
}

/// How a product is spread over blocks.
struct Plan {
  int slices = 0;  // none: weights too large
  int slice = 0;
  int warps = 0;
  int workers = 0;  // blocks of a slice
  std::size_t shared_bytes = 0;

  Plan(Stream& stream, const PixelProduct& product) {
    constexpr std::size_t kQueueBytes = kQueue * sizeof(bf16);
    const std::size_t most = shared_memory_limit(stream);
    const auto fragments = [](std::int64_t n) { return round_up(n, 16); };
    const auto panels = [](std::int64_t n) { return ceil_div(n, kPanel); };
    warps = kWarps<kMostColumns>;
    for (std::int64_t count = ceil_div(product.columns, kMostColumns);; ++count) {
      const std::int64_t width = fragments(ceil_div(product.columns, count));
      const std::int64_t rows = product.inner_first ? panels(width) * fragments(product.inner)
                                                    : panels(product.inner) * width;
      shared_bytes = sizeof(Shared) + static_cast<std::size_t>(rows) * kPanel * sizeof(bf16) +
                     static_cast<std::size_t>(warps) * kQueueBytes;
      if (shared_bytes <= most) {
        slice = static_cast<int>(width);
        break;
      }
      if (width == 16) return;
    }
    for (; slice <= kPanel && warps < kWarps<kPanel> && shared_bytes + kQueueBytes <= most;
         ++warps) {
      shared_bytes += kQueueBytes;
    }
    slices = static_cast<int>(ceil_div(product.columns, slice));
    const std::int64_t tiles = ceil_div(product.pixels, kRows);
    const std::int64_t fit = std::max(multiprocessors(stream) / slices, 1);
    workers = static_cast<int>(std::min(tiles, fit));
  }

  std::size_t moments_bytes(const PixelProduct& product) const {
    return static_cast<std::size_t>(workers * product.columns) * sizeof(Moments);
  }
};

}  // namespace

bool pixel_product(Stream& stream, const char* name, const PixelProduct& product,
                   const InputTransform& input, const OutputTransform& output, View mean,
                   View variance) {
  const Plan plan(stream, product);
  if (plan.slices == 0) return false;
  Arena::Scope scratch(stream.scratch());
  bf16* const y = static_cast<bf16*>(product.y);
  Job job{};
  job.x = {product.x, product.pixels, product.inner};
  if (output.residual != nullptr) job.residual = {output.residual, product.pixels, product.columns};
  job.weights = product.weights.data;
  job.bf16_weights = product.weights.dtype == DType::bf16;
  job.columns = static_cast<int>(product.columns);
  job.slices = plan.slices;
  job.slice = plan.slice;
  job.y = y;
  job.y_aligned = packs(y, product.columns);
  job.input = input;
  job.output = output;
  if (mean) job.moments = static_cast<Moments*>(scratch.take(plan.moments_bytes(product)));
  const LaunchShape shape{dim3(static_cast<unsigned>(plan.slices * plan.workers)),
                          dim3(static_cast<unsigned>(plan.warps * kWarp)), plan.shared_bytes};
  const bool wide = plan.slice > kPanel;
  if (product.inner_first) {
    launch_dependent(stream, name,
                     wide ? pixel_kernel<kMostColumns, true> : pixel_kernel<kPanel, true>, shape,
                     job);
  } else {
    launch_dependent(stream, name,
                     wide ? pixel_kernel<kMostColumns, false> : pixel_kernel<kPanel, false>, shape,
                     job);
  }
  if (mean) {
    merge_parts(stream, name, job.moments, plan.workers, job.columns,
                StoreStatistics{mean.as<float>(), variance.as<float>()});
  }
  return true;
}

std::size_t pixel_product_scratch_bytes(Stream& stream, const PixelProduct& product) {
  const Plan plan(stream, product);
  return plan.slices == 0 ? 0 : aligned(plan.moments_bytes(product));
}

}  // namespace paretiny::cuda
