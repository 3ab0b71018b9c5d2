/* Depthwise convolution, four channels at a time. */
#include "paretiny_arithmetic.h"

/* One output of channel c, the window's first element at (row, column). */
static int32_t sum_of_one(const pt_window *window, const pt_layer *layer, const int8_t *in,
                          int32_t row, int32_t column, int32_t whole, int32_t c) {
  const int32_t channels = window->in_c;
  const int8_t *w = layer->weights + c;
  int32_t sum = layer->bias[c];
  for (int32_t y = row; y < row + window->kernel_h; ++y) {
    if (whole) {
      const int8_t *x = in + (y * window->in_w + column) * channels + c;
      for (int32_t k = window->kernel_w; k > 0; --k, x += channels, w += channels) sum += *x * *w;
      continue;
    }
    for (int32_t x = column; x < column + window->kernel_w; ++x, w += channels) {
      const int32_t inside = y >= 0 && y < window->in_h && x >= 0 && x < window->in_w;
      sum += *w * (inside ? in[(y * window->in_w + x) * channels + c] : layer->input_zero);
    }
  }
  return sum;
}

#if PT_DSP
static void add_four(int32_t sums[4], int32_t x, int32_t w) {
  const int16x2_t x_even = pt_even(x), w_even = pt_even(w);
  sums[0] = __smlabb(x_even, w_even, sums[0]);
  sums[2] = __smlatt(x_even, w_even, sums[2]);
  const int16x2_t x_odd = pt_odd(x), w_odd = pt_odd(w);
  sums[1] = __smlabb(x_odd, w_odd, sums[1]);
  sums[3] = __smlatt(x_odd, w_odd, sums[3]);
}

/* Channels c .. c + 3. */
static void four_channels(const pt_window *window, const pt_layer *layer, const int8_t *in,
                          int32_t row, int32_t column, int32_t whole, int32_t c, int8_t *out) {
  const int32_t channels = window->in_c;
  const int32_t zeros = (int32_t)((uint8_t)layer->input_zero * 0x01010101u);
  const int8_t *w = layer->weights + c;
  int32_t sums[4] = {layer->bias[c], layer->bias[c + 1], layer->bias[c + 2], layer->bias[c + 3]};
  for (int32_t y = row; y < row + window->kernel_h; ++y) {
    if (whole) {
      const int8_t *x = in + (y * window->in_w + column) * channels + c;
      for (int32_t k = window->kernel_w; k > 0; --k, x += channels, w += channels) {
        add_four(sums, pt_word(x), pt_word(w));
      }
      continue;
    }
    for (int32_t x = column; x < column + window->kernel_w; ++x, w += channels) {
      const int32_t inside = y >= 0 && y < window->in_h && x >= 0 && x < window->in_w;
      const int32_t values =
          inside ? pt_word(in + (y * window->in_w + x) * channels + c) : zeros;
      add_four(sums, values, pt_word(w));
    }
  }
  for (int32_t k = 0; k < 4; ++k) out[c + k] = pt_requantized(layer, c + k, sums[k]);
}
#endif

void pt_depthwise(const pt_window *window, const pt_layer *layer, const int8_t *in, int8_t *out) {
  const int32_t channels = window->in_c;
  for (int32_t y = 0; y < window->out_h; ++y) {
    const int32_t row = y * window->stride_h - window->top;
    for (int32_t x = 0; x < window->out_w; ++x, out += channels) {
      const int32_t column = x * window->stride_w - window->left;
      const int32_t whole = row >= 0 && row + window->kernel_h <= window->in_h && column >= 0 &&
                            column + window->kernel_w <= window->in_w;
      int32_t c = 0;
#if PT_DSP
      for (; c + 4 <= channels; c += 4) {
        four_channels(window, layer, in, row, column, whole, c, out);
      }
#endif
      for (; c < channels; ++c) {
        out[c] = pt_requantized(layer, c, sum_of_one(window, layer, in, row, column, whole, c));
      }
    }
  }
}
