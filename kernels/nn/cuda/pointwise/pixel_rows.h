// What becomes of the sums of a warp of pointwise_pixels.cu: rows of y in memory, and statistics.
#pragma once

#include "kernels/core/host_device.h"
#include "kernels/nn/cuda/pointwise/pixel_panels.h"

namespace paretiny::cuda::pixels {

/// Turns the sums of 64 columns, from `first` on, into y in a panel, which holds the residual if
/// there is one.
template <int kTiles>
__device__ void finish_panel(bf16* panel, const float (&sum)[2][kTiles][4], int first,
                             const Shared& shared, const Job& job, const Place& place) {
  const int group = place.lane / 4, pair = place.lane % 4 * 2;
#pragma unroll
  for (int j = 0; j < kPanel / 8; ++j) {
    const int column = first + j * 8;
    if (column >= place.columns) continue;
    const float2 factor = *reinterpret_cast<const float2*>(&shared.factor[column + pair]);
    const float2 addend = *reinterpret_cast<const float2*>(&shared.addend[column + pair]);
    bf16* const top = panel + unit_at(group, j) + pair;
    std::uint32_t* at[4];
    float value[8];
    for (int i = 0; i < 4; ++i) {
      at[i] = reinterpret_cast<std::uint32_t*>(top + i * 8 * kPanel);
      const float* product = &sum[i / 2][first / 8 + j][i % 2 * 2];
      value[2 * i] = factor.x * product[0] + addend.x;
      value[2 * i + 1] = factor.y * product[1] + addend.y;
    }
    if (job.residual.data != nullptr) {
      for (int i = 0; i < 4; ++i) {
        value[2 * i] += widen_low(*at[i]);
        value[2 * i + 1] += widen_high(*at[i]);
      }
    }
    activate_all(job.output.activation, value);
    for (int i = 0; i < 4; ++i) *at[i] = narrow_pair(value[2 * i], value[2 * i + 1]);
  }
}

/// Sums of differences from a pivot and of their squares, for kCount columns.
template <int kCount>
struct ColumnSums {
  float sum[kCount] = {}, square[kCount] = {};
};

/// Adds the sums of two lanes, each of which keeps those of half of the columns: the lane whose bit
/// `distance` is set the upper half.
template <int kCount>
__device__ ColumnSums<kCount / 2> share_sums(const ColumnSums<kCount>& mine, int lane,
                                             int distance) {
  ColumnSums<kCount / 2> kept;
  const bool upper = (lane & distance) != 0;
  const auto share = [&](const float(&from)[kCount], int i) {
    const float keep = upper ? from[i + kCount / 2] : from[i];
    const float give = upper ? from[i] : from[i + kCount / 2];
    return keep + __shfl_xor_sync(kAllLanes, give, distance);
  };
  for (int i = 0; i < kCount / 2; ++i) {
    kept.sum[i] = share(mine.sum, i);
    kept.square[i] = share(mine.square, i);
  }
  return kept;
}

/// What a lane keeps of its unit's eight columns.
using LaneSums = ColumnSums<kUnit / 4>;

/// Stores a panel of y and adds what it stored to the sums.
__device__ inline void store_panel(const bf16* panel, int first, int tile, LaneSums& sums,
                                   Shared& shared, const Job& job, const Place& place) {
  const int columns = place.columns - first < kPanel ? place.columns - first : kPanel;
  const UnitWalk walk(ceil_div(columns, kUnit), place.lane, kWarp);
  const int count = columns - walk.unit * kUnit;
  const int rows = count > 0 ? rows_of(job, tile) : 0;
  bf16* to = job.y + (std::int64_t{tile} * kRows + walk.row) * job.columns + place.column + first +
             walk.unit * kUnit;
  Pack<bf16> pivot{};
  if (job.moments != nullptr) {
    bf16* const pivots = &shared.pivot[place.warp][first + walk.unit * kUnit];
    if (tile == place.tile && count > 0 && walk.row == 0) {
      *reinterpret_cast<uint4*>(pivots) =
          *reinterpret_cast<const uint4*>(panel + unit_at(0, walk.unit));
    }
    __syncwarp();
    if (count > 0) pivot = load_pack(pivots);
  }
  ColumnSums<kUnit> now;
  for (int r = walk.row; r < rows; r += walk.step) {
    const bf16* at = panel + unit_at(r, walk.unit);
    const Pack<bf16> y = load_pack(at);
    if (job.y_aligned) {
      *reinterpret_cast<uint4*>(to) = *reinterpret_cast<const uint4*>(at);
    } else {
      store_some(to, y, count);
    }
    to += std::int64_t{walk.step} * job.columns;
    if (job.moments == nullptr) continue;
    for (int k = 0; k < kUnit; ++k) {
      const float d = y.value[k] - pivot.value[k];
      now.sum[k] += d;
      now.square[k] += d * d;
    }
  }
  if (job.moments == nullptr) return;
  const LaneSums shared_sums = share_sums(share_sums(now, place.lane, 16), place.lane, 8);
  for (int k = 0; k < kUnit / 4; ++k) {
    sums.sum[k] += shared_sums.sum[k];
    sums.square[k] += shared_sums.square[k];
  }
}

/// The block's statistics, from its warps' sums, in a fixed order.
template <int kPanels>
__device__ void store_moments(const LaneSums (&sums)[kPanels], const Shared& shared, bf16* panels,
                              const Job& job, const Place& place) {
  const auto totals = [&](int warp) -> Totals& {
    return *reinterpret_cast<Totals*>(panels + warp * kQueue);
  };
  __syncwarp();
#pragma unroll
  for (int p = 0; p < kPanels; ++p) {
    if (p * kPanel >= place.columns) continue;
    const int columns = place.columns - p * kPanel < kPanel ? place.columns - p * kPanel : kPanel;
    const UnitWalk walk(ceil_div(columns, kUnit), place.lane, kWarp);
    const int lanes = kWarp / walk.step;  // that share a row
    const int quarter = (place.lane & 16) / 8 + (place.lane & 8) / 8;
    for (int k = 0; k < kUnit / 4; ++k) {
      float sum = sums[p].sum[k], square = sums[p].square[k];
      for (int distance = 4; distance >= lanes; distance /= 2) {
        sum += __shfl_xor_sync(kAllLanes, sum, distance);
        square += __shfl_xor_sync(kAllLanes, square, distance);
      }
      if ((place.lane & 7) >= lanes) continue;
      const int column = p * kPanel + walk.unit * kUnit + quarter * (kUnit / 4) + k;
      totals(place.warp).sum[column] = sum;
      totals(place.warp).square[column] = square;
    }
  }
  __syncthreads();
  const int column = static_cast<int>(threadIdx.x);
  if (column >= place.columns) return;
  Moments moments;
  for (int w = 0; w < place.warps; ++w) {
    if (shared.count[w] == 0) continue;
    moments.merge(moments_about(widen(shared.pivot[w][column]), shared.count[w],
                                totals(w).sum[column], totals(w).square[column]));
  }
  const std::int64_t worker = blockIdx.x / static_cast<unsigned>(job.slices);
  job.moments[worker * job.columns + place.column + column] = moments;
}

}  // namespace paretiny::cuda::pixels
