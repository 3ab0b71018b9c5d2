// int8 pools, mean and softmax on the CPU: loops over channels, parallel over output rows or
// images.
#include <algorithm>

#include "kernels/core/threads.h"
#include "kernels/int8/int8.h"
#include "kernels/nn/pool_windows.h"

namespace paretiny::cpu {
namespace {

using Range = nn::PoolRange<std::int64_t>;

/// Calls visit(sample, pixel of y, rows and columns of its window inside x).
template <class Visit>
void for_each_window(const nn::PoolShape& shape, const Visit& visit) {
  const Shape out = shape.output();
  const nn::PoolWindows<std::int64_t> windows(shape);
  parallel_for(out.n, out.h, true, [&](std::int64_t n, std::int64_t oy) {
    for (std::int64_t ox = 0; ox < out.w; ++ox) {
      visit(n, (n * out.h + oy) * out.w + ox, windows.h.held(oy), windows.w.held(ox));
    }
  });
}

void average_pool(Stream&, const nn::PoolShape& shape, const int8::Int8Range& range, ConstView x,
                  View y) {
  const Shape in = shape.input;
  const auto* input = x.as<std::int8_t>();
  auto* output = y.as<std::int8_t>();
  for_each_window(shape, [=](std::int64_t n, std::int64_t pixel, Range rows, Range columns) {
    const auto count = static_cast<std::int32_t>(rows.size() * columns.size());
    constexpr std::int64_t lanes = 64;  // sums of 32 bits: four registers of AVX-512
    for (std::int64_t first = 0; first < in.c; first += lanes) {
      const std::int64_t channels = std::min(lanes, in.c - first);
      std::int32_t sums[lanes] = {};
      for (std::int64_t iy = rows.begin; iy < rows.end; ++iy) {
        for (std::int64_t ix = columns.begin; ix < columns.end; ++ix) {
          const std::int8_t* row = input + ((n * in.h + iy) * in.w + ix) * in.c + first;
          for (std::int64_t c = 0; c < channels; ++c) sums[c] += row[c];
        }
      }
      for (std::int64_t c = 0; c < channels; ++c) {
        const std::int32_t half = sums[c] > 0 ? count / 2 : -(count / 2);
        output[pixel * in.c + first + c] =
            static_cast<std::int8_t>(int8::clamp((sums[c] + half) / count, range.low, range.high));
      }
    }
  });
}

void max_pool(Stream&, const nn::PoolShape& shape, const int8::Int8Range& range, ConstView x,
              View y) {
  const Shape in = shape.input;
  const auto* input = x.as<std::int8_t>();
  auto* output = y.as<std::int8_t>();
  for_each_window(shape, [=](std::int64_t n, std::int64_t pixel, Range rows, Range columns) {
    std::int8_t* best = output + pixel * in.c;
    std::fill_n(best, in.c, static_cast<std::int8_t>(range.low));
    for (std::int64_t iy = rows.begin; iy < rows.end; ++iy) {
      for (std::int64_t ix = columns.begin; ix < columns.end; ++ix) {
        const std::int8_t* row = input + ((n * in.h + iy) * in.w + ix) * in.c;
        for (std::int64_t c = 0; c < in.c; ++c) best[c] = std::max(best[c], row[c]);
      }
    }
    const auto high = static_cast<std::int8_t>(range.high);
    for (std::int64_t c = 0; c < in.c; ++c) best[c] = std::min(best[c], high);
  });
}

void mean(Stream& stream, const int8::Int8MeanParameters& parameters, ConstView x, View y) {
  const Shape in = x.shape;
  const std::int64_t pixels = in.h * in.w;
  const auto* input = x.as<std::int8_t>();
  auto* output = y.as<std::int8_t>();
  Arena::Scope scratch(stream.scratch());
  auto* all_sums = scratch.take(DType::i32, y.shape).as<std::int32_t>();
  const auto offset = static_cast<std::int32_t>(pixels) * parameters.input_zero_point;
  parallel_for(in.n, true, [&](std::int64_t n) {
    std::int32_t* sums = all_sums + n * in.c;
    std::fill_n(sums, in.c, -offset);
    for (std::int64_t i = 0; i < pixels; ++i) {
      const std::int8_t* row = input + (n * pixels + i) * in.c;
      for (std::int64_t c = 0; c < in.c; ++c) sums[c] += row[c];
    }
    for (std::int64_t c = 0; c < in.c; ++c) {
      output[n * in.c + c] =
          int8::requantize(sums[c], parameters.output, parameters.output_zero_point, {});
    }
  });
}

void softmax(Stream&, const int8::Int8SoftmaxParameters& parameters, ConstView x, View y) {
  const std::int64_t channels = x.shape.c;
  const std::int64_t rows = x.elements() / channels;
  const auto* input = x.as<std::int8_t>();
  auto* output = y.as<std::int8_t>();
  parallel_for(rows, true, [&](std::int64_t r) {
    const std::int8_t* row = input + r * channels;
    const std::int8_t most = *std::max_element(row, row + channels);
    std::int32_t sum = 0;
    for (std::int64_t c = 0; c < channels; ++c) {
      sum += int8::softmax_addend(int8::quantized_exponential(row[c] - most, parameters));
    }
    const int8::SoftmaxScale scale = int8::softmax_scale(sum);
    for (std::int64_t c = 0; c < channels; ++c) {
      output[r * channels + c] =
          int8::softmax_output(int8::quantized_exponential(row[c] - most, parameters), scale);
    }
  });
}

const Twin average_pool_twin(int8::twins::int8_average_pool, DeviceKind::cpu, average_pool);
const Twin max_pool_twin(int8::twins::int8_max_pool, DeviceKind::cpu, max_pool);
const Twin mean_twin(int8::twins::int8_mean, DeviceKind::cpu, mean);
const Twin softmax_twin(int8::twins::int8_softmax, DeviceKind::cpu, softmax);

}  // namespace
}  // namespace paretiny::cpu
