// Blocks of 8 x 8 doubles, a vector of 8 lanes a row: n^3 / 6 multiply-adds for a root, as many for
// its inverse.
#include "kernels/bayes/cpu/triangular.h"

#include <cmath>

namespace paretiny::cpu {
namespace {

/// An 8 x 8 block on the diagonal of u, and the inverse of its own diagonal.
struct Corner {
  double u[kWide][kWide];
  double inverse[kWide];

  /// The upper triangle of u, in place; `floor`: what a pivot must exceed.
  bool factorise(const double (&floor)[kWide]) {
    for (int r = 0; r < kWide; ++r) {
      if (!(u[r][r] > floor[r]) || std::isinf(u[r][r])) return false;
      u[r][r] = std::sqrt(u[r][r]);
      inverse[r] = 1 / u[r][r];
      for (int j = r + 1; j < kWide; ++j) u[r][j] *= inverse[r];
      for (int s = r + 1; s < kWide; ++s) {
        for (int j = s; j < kWide; ++j) u[s][j] -= u[r][s] * u[r][j];
      }
      for (int j = 0; j < r; ++j) u[r][j] = 0;
    }
    return true;
  }

  /// rows = (u^T)^-1 rows.
  template <int kPanels>
  void solve(F64x8 (&rows)[kWide][kPanels]) const {
    for (int r = 0; r < kWide; ++r) {
      for (int p = 0; p < kPanels; ++p) rows[r][p] *= inverse[r];
      for (int s = r + 1; s < kWide; ++s) {
        for (int p = 0; p < kPanels; ++p) rows[s][p] -= u[r][s] * rows[r][p];
      }
    }
  }
};

template <int kPanels>
void store_tile(const Panels& to, std::int64_t row, std::int64_t panel,
                const F64x8 (&tile)[kWide][kPanels]) {
  for (int r = 0; r < kWide; ++r) {
    for (int p = 0; p < kPanels; ++p) store(to.at(row + r, panel + p), tile[r][p]);
  }
}

}  // namespace

bool factorise(const Panels& a) {
  for (std::int64_t block = 0; block < a.count; ++block) {
    const std::int64_t row = block * kWide;
    const LeftRows above = transposed(a, 0, block);
    Corner corner;
    bool sound = true;
    for_tiles(block, a.count, [&](std::int64_t panel, auto width) {
      if (!sound) return;
      F64x8 tile[kWide][width];
      multiply(above, a.at(0, panel), a.pitch(), row, tile);
      for (int r = 0; r < kWide; ++r) {
        for (int p = 0; p < width; ++p) {
          F64x8 given;
          load(given, a.at(row + r, panel + p));
          tile[r][p] = given - tile[r][p];
        }
      }
      if (panel == block) {
        double floor[kWide];
        for (int r = 0; r < kWide; ++r) {
          floor[r] = bayes::kLeastPivot * a.at(row + r, block)[r];
          store(corner.u[r], tile[r][0]);
        }
        sound = corner.factorise(floor);
      }
      corner.solve(tile);
      if (panel == block) {
        for (int r = 0; r < kWide; ++r) load(tile[r][0], corner.u[r]);
      }
      store_tile(a, row, panel, tile);
    });
    if (!sound) return false;
  }
  return true;
}

void invert_transposed(const Panels& u, const Panels& inverse) {
  for (std::int64_t panel = 0; panel < u.count; ++panel) {
    const std::int64_t end = panel * kWide, begin = std::max<std::int64_t>(end - 2 * kWide, 0);
    std::fill(inverse.at(begin, panel), inverse.at(end, panel), 0.0);
  }
  for (std::int64_t block = 0; block < u.count; ++block) {
    const std::int64_t row = block * kWide;
    Corner corner;
    for (int r = 0; r < kWide; ++r) {
      std::copy_n(u.at(row + r, block), kWide, corner.u[r]);
      corner.inverse[r] = 1 / corner.u[r][r];
    }
    for_tiles(0, block + 1, [&](std::int64_t panel, auto width) {
      const std::int64_t first = panel * kWide;
      F64x8 tile[kWide][width];
      multiply(transposed(u, first, block), inverse.at(first, panel), inverse.pitch(), row - first,
               tile);
      for (int r = 0; r < kWide; ++r) {
        for (int p = 0; p < width; ++p) tile[r][p] = -tile[r][p];
        if (panel + width > block) tile[r][width - 1][r] += 1;  // the block on the diagonal
      }
      corner.solve(tile);
      store_tile(inverse, row, panel, tile);
    });
  }
}

}  // namespace paretiny::cpu
