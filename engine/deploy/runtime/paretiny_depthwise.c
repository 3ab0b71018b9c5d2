/* Depthwise convolution, four channels at a time. Padding is left out: values count from the
 * input's zero point, so that it adds nothing. */
#include "paretiny_arithmetic.h"

/* What a pixel's window meets of the input: `rows` rows of `columns` pixels. */
typedef struct {
  const int8_t *x, *w; /* of the first pixel, and the weights that meet it */
  int32_t rows, columns;
  int32_t x_skip, w_skip; /* from the end of a row to the next */
} patch;

#if PT_DSP
/* Channels c .. c + 3. */
static void four_channels(const patch *from, const pt_layer *layer, int32_t channels, int32_t c,
                          int8_t *out) {
  const int16x2_t zeros = (int16x2_t)((uint32_t)(uint16_t)-layer->input_zero * 0x10001u);
  const int8_t *x = from->x + c, *w = from->w + c;
  const int32_t *bias = layer->bias + c;
  int32_t s0 = bias[0], s1 = bias[1], s2 = bias[2], s3 = bias[3];
  for (int32_t row = from->rows; row > 0; --row, x += from->x_skip, w += from->w_skip) {
    for (int32_t k = from->columns; k > 0; --k, x += channels, w += channels) {
      const int32_t xs = pt_word(x), ws = pt_word(w);
      const int16x2_t x_even = pt_even_above(zeros, xs), w_even = pt_even(ws);
      s0 = __smlabb(x_even, w_even, s0);
      s2 = __smlatt(x_even, w_even, s2);
      const int16x2_t x_odd = pt_odd_above(zeros, xs), w_odd = pt_odd(ws);
      s1 = __smlabb(x_odd, w_odd, s1);
      s3 = __smlatt(x_odd, w_odd, s3);
    }
  }
  out[c] = pt_requantized(layer, c, s0);
  out[c + 1] = pt_requantized(layer, c + 1, s1);
  out[c + 2] = pt_requantized(layer, c + 2, s2);
  out[c + 3] = pt_requantized(layer, c + 3, s3);
}
#endif

static int8_t one_channel(const patch *from, const pt_layer *layer, int32_t channels, int32_t c) {
  const int8_t *x = from->x + c, *w = from->w + c;
  const int32_t zero = layer->input_zero;
  int32_t sum = layer->bias[c];
  for (int32_t row = from->rows; row > 0; --row, x += from->x_skip, w += from->w_skip) {
    for (int32_t k = from->columns; k > 0; --k, x += channels, w += channels) {
      sum += (*x - zero) * *w;
    }
  }
  return pt_requantized(layer, c, sum);
}

/* Of `taps` from `first` on, those before 0 and those from `size` on. */
static int32_t before(int32_t first) {
  return first < 0 ? -first : 0;
}
static int32_t beyond(int32_t first, int32_t taps, int32_t size) {
  return first + taps > size ? first + taps - size : 0;
}

PT_SHARED void pt_depthwise(const pt_window *window, const pt_layer *layer, const int8_t *in,
                            int8_t *out) {
  const int32_t channels = window->in_c, width = window->in_w;
  const int32_t kernel_w = window->kernel_w, kernel_h = window->kernel_h;
  for (int32_t y = 0; y < window->out_h; ++y) {
    const int32_t row = y * window->stride_h - window->top;
    const int32_t above = before(row);
    const int32_t rows = kernel_h - above - beyond(row, kernel_h, window->in_h);
    for (int32_t x = 0; x < window->out_w; ++x, out += channels) {
      const int32_t column = x * window->stride_w - window->left;
      const int32_t left = before(column);
      const int32_t columns = kernel_w - left - beyond(column, kernel_w, width);
      const patch from = {in + ((row + above) * width + column + left) * channels,
                          layer->weights + (above * kernel_w + left) * channels,
                          rows,
                          columns,
                          (width - columns) * channels,
                          (kernel_w - columns) * channels};
      int32_t c = 0;
#if PT_DSP
      for (; c + 4 <= channels; c += 4) four_channels(&from, layer, channels, c, out);
#endif
      for (; c < channels; ++c) out[c] = one_channel(&from, layer, channels, c);
    }
  }
}
