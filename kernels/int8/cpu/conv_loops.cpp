// A row of outputs at a time: its windows are laid out as rows of a matrix of x - zero point in
// 16 bits, and every output is the dot product of a window and a filter.
#include <algorithm>

#include "kernels/core/host_device.h"
#include "kernels/core/threads.h"
#include "kernels/int8/cpu/conv.h"
#include "kernels/int8/cpu/row.h"

namespace paretiny::cpu {
namespace {

constexpr std::int64_t kLanes = 32;  ///< row lengths are multiples: no remainder in a dot product

/// columns[ox] = the window of output (n, oy, ox), padding as zeros.
void lay_out(const nn::ConvShape& shape, ConstView x, std::int16_t zero_point, std::int64_t n,
             std::int64_t oy, std::int64_t length, std::int16_t* columns) {
  const Shape in = shape.input;
  const nn::Window& window = shape.window;
  const std::int64_t out_w = window.out_w(in.w);
  for (std::int64_t ox = 0; ox < out_w; ++ox) {
    std::int16_t* to = columns + ox * length;
    for (std::int64_t ky = 0; ky < window.kernel_h; ++ky) {
      const std::int64_t iy = oy * window.stride_h - window.top + ky;
      for (std::int64_t kx = 0; kx < window.kernel_w; ++kx, to += in.c) {
        const std::int64_t ix = ox * window.stride_w - window.left + kx;
        if (iy < 0 || iy >= in.h || ix < 0 || ix >= in.w) {
          std::fill_n(to, in.c, std::int16_t{0});
          continue;
        }
        const std::int8_t* from = x.as<std::int8_t>() + ((n * in.h + iy) * in.w + ix) * in.c;
        for (std::int64_t c = 0; c < in.c; ++c) {
          to[c] = static_cast<std::int16_t>(from[c] - zero_point);
        }
      }
    }
    std::fill(to, columns + (ox + 1) * length, std::int16_t{0});
  }
}

std::int32_t dot(const std::int16_t* a, const std::int16_t* b, std::int64_t length) {
  std::int32_t sum = 0;
  for (std::int64_t i = 0; i < length; ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

void int8_conv_loops(Stream& stream, const nn::ConvShape& shape,
                     const int8::Int8LayerParameters& parameters, const int8::Int8LayerTensors& t) {
  const Shape out = shape.output();
  const Shape weights = shape.weights();
  const std::int64_t taps = weights.h * weights.w * weights.c;
  const std::int64_t length = round_up(taps, kLanes);
  const auto zero_point = static_cast<std::int16_t>(parameters.input_zero_point);

  Arena::Scope scratch(stream.scratch());
  const auto take = [&scratch](std::int64_t elements) {
    return static_cast<std::int16_t*>(
        scratch.take(static_cast<std::size_t>(elements) * sizeof(std::int16_t)));
  };
  std::int16_t* filters = take(out.c * length);
  std::int16_t* all_columns = take(thread_count() * out.w * length);
  auto* all_sums = scratch.take(DType::i32, {thread_count(), 1, out.w, out.c}).as<std::int32_t>();
  const Int8Row row(scratch, int8_bias(scratch, t.b, out.c), t.multipliers, t.shifts, parameters);
  std::fill_n(filters, out.c * length, std::int16_t{0});
  for (std::int64_t o = 0; o < out.c; ++o) {
    std::copy_n(t.w.as<std::int8_t>() + o * taps, taps, filters + o * length);
  }

  parallel_for(out.n, out.h, true, [&](std::int64_t n, std::int64_t oy) {
    std::int16_t* columns = all_columns + thread_index() * out.w * length;
    std::int32_t* sums = all_sums + thread_index() * out.w * out.c;
    lay_out(shape, t.x, zero_point, n, oy, length, columns);
    for (std::int64_t o = 0; o < out.c; ++o) {
      for (std::int64_t ox = 0; ox < out.w; ++ox) {
        sums[ox * out.c + o] = dot(columns + ox * length, filters + o * length, length);
      }
    }
    row.requantize_pixels(sums, out.w * out.c,
                          t.y.as<std::int8_t>() + (n * out.h + oy) * out.w * out.c);
  });
}

}  // namespace paretiny::cpu
