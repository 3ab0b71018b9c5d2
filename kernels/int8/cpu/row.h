// Rescaling of accumulators to outputs, shared by the int8 layers on the CPU.
#pragma once

#include <algorithm>

#include "kernels/core/arena.h"
#include "kernels/int8/parameters.h"

namespace paretiny::cpu {

/// The bias, or zeros in its place.
inline const std::int32_t* int8_bias(Arena::Scope& scratch, ConstView b, std::int64_t channels) {
  if (b) return b.as<std::int32_t>();
  auto* zeros = scratch.take(DType::i32, {1, 1, 1, channels}).as<std::int32_t>();
  std::fill_n(zeros, channels, 0);
  return zeros;
}

/// What every pixel's channels are rescaled with, repeated to a length that vectorises well.
class Int8Row {
 public:
  /// `offsets` are added to the sums; the views are [1, 1, 1, c] i32.
  Int8Row(Arena::Scope& scratch, const std::int32_t* offsets, ConstView multipliers,
          ConstView shifts, const int8::Int8LayerParameters& parameters)
      : zero_point_(parameters.output_zero_point), range_(parameters.range) {
    const std::int64_t channels = multipliers.shape.c;
    length_ = channels * std::max<std::int64_t>(1, kLength / channels);
    const auto repeated = [&](const std::int32_t* values) {
      auto* row = scratch.take(DType::i32, {1, 1, 1, length_}).as<std::int32_t>();
      for (std::int64_t i = 0; i < length_; ++i) row[i] = values[i % channels];
      return row;
    };
    offsets_ = repeated(offsets);
    multipliers_ = repeated(multipliers.as<std::int32_t>());
    shifts_ = repeated(shifts.as<std::int32_t>());
  }

  /// to = rescaled sums, of whole pixels.
  void requantize_pixels(const std::int32_t* sums, std::int64_t count, std::int8_t* to) const {
    // Copies: a write through `to` may not be seen to change what the loop reads.
    const std::int32_t zero_point = zero_point_;
    const int8::Int8Range range = range_;
    const std::int32_t* __restrict offsets = offsets_;
    const std::int32_t* __restrict multipliers = multipliers_;
    const std::int32_t* __restrict shifts = shifts_;
    for (; count > 0; count -= length_, sums += length_, to += length_) {
      const std::int64_t length = std::min(count, length_);
      const std::int32_t* __restrict from = sums;
      std::int8_t* __restrict out = to;
      for (std::int64_t i = 0; i < length; ++i) {
        out[i] =
            int8::requantize(from[i] + offsets[i], {multipliers[i], shifts[i]}, zero_point, range);
      }
    }
  }

 private:
  /// Numbers of a table where a pixel has no more channels: loops are long, and three tables of
  /// 2 KiB stay in the first-level cache.
  static constexpr std::int64_t kLength = 512;
  std::int64_t length_;
  std::int32_t* offsets_;
  std::int32_t* multipliers_;
  std::int32_t* shifts_;
  std::int32_t zero_point_;
  int8::Int8Range range_;
};

}  // namespace paretiny::cpu
