/* Depthwise convolution, four channels at a time. */
#include "paretiny_arithmetic.h"
#include "paretiny_kernels.h"

/* The part of a window that lies inside the input. */
typedef struct {
  int32_t y0, y1, x0, x1;
} inside;

static inside clip(const pt_window *window, int32_t row, int32_t column) {
  inside part = {0, window->kernel_h, 0, window->kernel_w};
  if (row < 0) part.y0 = -row;
  if (row + part.y1 > window->in_h) part.y1 = window->in_h - row;
  if (column < 0) part.x0 = -column;
  if (column + part.x1 > window->in_w) part.x1 = window->in_w - column;
  return part;
}

/* What the padding of a channel adds: its zero point times the weights that meet it. */
static int32_t padding(const pt_window *window, const pt_layer *layer, inside part, int32_t c) {
  int32_t sum = 0;
  const int8_t *w = layer->weights + c;
  for (int32_t y = 0; y < window->kernel_h; ++y) {
    for (int32_t x = 0; x < window->kernel_w; ++x, w += window->in_c) {
      if (y < part.y0 || y >= part.y1 || x < part.x0 || x >= part.x1) sum += *w;
    }
  }
  return sum * layer->input_zero;
}

static int8_t requantized(const pt_layer *layer, int32_t channel, int32_t sum) {
  const int32_t scaled = pt_multiply(sum, layer->multipliers[channel], layer->shifts[channel]);
  return (int8_t)pt_clamp(scaled + layer->output_zero, layer->low, layer->high);
}

void pt_depthwise(const pt_window *window, const pt_layer *layer, const int8_t *in, int8_t *out) {
  const int32_t channels = window->in_c;
  const int32_t in_row = window->in_w * channels;
  const int32_t w_row = window->kernel_w * channels;
  for (int32_t y = 0; y < window->out_h; ++y) {
    const int32_t row = y * window->stride_h - window->top;
    for (int32_t x = 0; x < window->out_w; ++x) {
      const int32_t column = x * window->stride_w - window->left;
      const inside part = clip(window, row, column);
      const int32_t whole = part.y0 == 0 && part.y1 == window->kernel_h && part.x0 == 0 &&
                            part.x1 == window->kernel_w;
      const int8_t *first_x = in + (row + part.y0) * in_row + (column + part.x0) * channels;
      const int8_t *first_w = layer->weights + part.y0 * w_row + part.x0 * channels;
      int32_t c = 0;
#if PT_DSP
      for (; c + 4 <= channels; c += 4) {
        int32_t s0 = layer->bias[c], s1 = layer->bias[c + 1];
        int32_t s2 = layer->bias[c + 2], s3 = layer->bias[c + 3];
        const int8_t *from_row = first_x + c, *w_from_row = first_w + c;
        for (int32_t ky = part.y0; ky < part.y1; ++ky, from_row += in_row, w_from_row += w_row) {
          const int8_t *from = from_row, *w = w_from_row;
          for (int32_t kx = part.x0; kx < part.x1; ++kx, from += channels, w += channels) {
            const int32_t a = pt_word(from), b = pt_word(w);
            const int16x2_t a_even = pt_even(a), b_even = pt_even(b);
            s0 = __smlabb(a_even, b_even, s0);
            s2 = __smlatt(a_even, b_even, s2);
            const int16x2_t a_odd = pt_odd(a), b_odd = pt_odd(b);
            s1 = __smlabb(a_odd, b_odd, s1);
            s3 = __smlatt(a_odd, b_odd, s3);
          }
        }
        const int32_t sums[4] = {s0, s1, s2, s3};
        for (int32_t k = 0; k < 4; ++k) {
          const int32_t pad = whole ? 0 : padding(window, layer, part, c + k);
          out[c + k] = requantized(layer, c + k, sums[k] + pad);
        }
      }
#endif
      for (; c < channels; ++c) {
        int32_t sum = layer->bias[c];
        const int8_t *from_row = first_x + c, *w_from_row = first_w + c;
        for (int32_t ky = part.y0; ky < part.y1; ++ky, from_row += in_row, w_from_row += w_row) {
          const int8_t *from = from_row, *w = w_from_row;
          for (int32_t kx = part.x0; kx < part.x1; ++kx, from += channels, w += channels) {
            sum += *from * *w;
          }
        }
        if (!whole) sum += padding(window, layer, part, c);
        out[c] = requantized(layer, c, sum);
      }
      out += channels;
    }
  }
}
