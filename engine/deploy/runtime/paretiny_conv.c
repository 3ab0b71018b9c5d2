/* Dense convolution, two pixels by two output channels at a time, and the fully connected layer. */
#include "paretiny_arithmetic.h"
#include "paretiny_kernels.h"

/* Sum of x[i] * w[i]. */
static int32_t dot(const int8_t *x, const int8_t *w, int32_t count) {
  int32_t sum = 0;
#if PT_DSP
  for (; count >= 4; count -= 4, x += 4, w += 4) {
    const int32_t xs = pt_word(x), ws = pt_word(w);
    sum = __smlad(pt_even(xs), pt_even(ws), sum);
    sum = __smlad(pt_odd(xs), pt_odd(ws), sum);
  }
#endif
  for (; count > 0; --count) sum += *x++ * *w++;
  return sum;
}

static int32_t total(const int8_t *w, int32_t count) {
  int32_t sum = 0;
  for (; count > 0; --count) sum += *w++;
  return sum;
}

/* sums: pixel 0 and 1 with channel 0, then with channel 1. */
static void dot_2x2(const int8_t *x0, const int8_t *x1, const int8_t *w0, const int8_t *w1,
                    int32_t count, int32_t sums[4]) {
  int32_t s00 = sums[0], s10 = sums[1], s01 = sums[2], s11 = sums[3];
#if PT_DSP
  for (; count >= 4; count -= 4, x0 += 4, x1 += 4, w0 += 4, w1 += 4) {
    const int32_t a = pt_word(x0), b = pt_word(x1), c = pt_word(w0), d = pt_word(w1);
    const int16x2_t a_even = pt_even(a), b_even = pt_even(b);
    const int16x2_t c_even = pt_even(c), d_even = pt_even(d);
    s00 = __smlad(a_even, c_even, s00);
    s10 = __smlad(b_even, c_even, s10);
    s01 = __smlad(a_even, d_even, s01);
    s11 = __smlad(b_even, d_even, s11);
    const int16x2_t a_odd = pt_odd(a), b_odd = pt_odd(b);
    const int16x2_t c_odd = pt_odd(c), d_odd = pt_odd(d);
    s00 = __smlad(a_odd, c_odd, s00);
    s10 = __smlad(b_odd, c_odd, s10);
    s01 = __smlad(a_odd, d_odd, s01);
    s11 = __smlad(b_odd, d_odd, s11);
  }
#endif
  for (; count > 0; --count) {
    const int32_t a = *x0++, b = *x1++, c = *w0++, d = *w1++;
    s00 += a * c;
    s10 += b * c;
    s01 += a * d;
    s11 += b * d;
  }
  sums[0] = s00;
  sums[1] = s10;
  sums[2] = s01;
  sums[3] = s11;
}

static int8_t requantized(const pt_layer *layer, int32_t channel, int32_t sum) {
  const int32_t scaled = pt_multiply(sum, layer->multipliers[channel], layer->shifts[channel]);
  return (int8_t)pt_clamp(scaled + layer->output_zero, layer->low, layer->high);
}

/* One output of a window that may reach into the padding. */
static int32_t at_border(const pt_window *window, const pt_layer *layer, const int8_t *in,
                         const int8_t *w, int32_t row, int32_t column) {
  const int32_t channels = window->in_c;
  int32_t sum = 0;
  for (int32_t y = row; y < row + window->kernel_h; ++y) {
    for (int32_t x = column; x < column + window->kernel_w; ++x, w += channels) {
      if (y >= 0 && y < window->in_h && x >= 0 && x < window->in_w) {
        sum += dot(in + (y * window->in_w + x) * channels, w, channels);
      } else {
        sum += layer->input_zero * total(w, channels);
      }
    }
  }
  return sum;
}

/* Two neighbouring pixels whose windows lie inside the input's columns. */
static void inner_pair(const pt_window *window, const pt_layer *layer, const int8_t *in,
                       int32_t row, int32_t column, int8_t *out) {
  const int32_t length = window->kernel_w * window->in_c;
  const int32_t taps = window->kernel_h * length;
  const int32_t in_row = window->in_w * window->in_c;
  const int32_t next = window->stride_w * window->in_c;
  const int32_t channels = window->out_c;
  for (int32_t o = 0; o < channels; o += 2) {
    const int32_t second = o + 1 < channels; /* the last of an odd number is done twice */
    const int8_t *w0 = layer->weights + o * taps;
    const int8_t *w1 = w0 + second * taps;
    int32_t sums[4] = {layer->bias[o], layer->bias[o], layer->bias[o + second],
                       layer->bias[o + second]};
    for (int32_t y = row; y < row + window->kernel_h; ++y, w0 += length, w1 += length) {
      if (y >= 0 && y < window->in_h) {
        const int8_t *x = in + y * in_row + column * window->in_c;
        dot_2x2(x, x + next, w0, w1, length, sums);
      } else {
        const int32_t zero = layer->input_zero;
        const int32_t pad0 = zero * total(w0, length), pad1 = zero * total(w1, length);
        sums[0] += pad0;
        sums[1] += pad0;
        sums[2] += pad1;
        sums[3] += pad1;
      }
    }
    out[o] = requantized(layer, o, sums[0]);
    out[o + channels] = requantized(layer, o, sums[1]);
    if (second) {
      out[o + 1] = requantized(layer, o + 1, sums[2]);
      out[o + 1 + channels] = requantized(layer, o + 1, sums[3]);
    }
  }
}

void pt_conv(const pt_window *window, const pt_layer *layer, const int8_t *in, int8_t *out) {
  const int32_t taps = window->kernel_h * window->kernel_w * window->in_c;
  for (int32_t y = 0; y < window->out_h; ++y) {
    const int32_t row = y * window->stride_h - window->top;
    for (int32_t x = 0; x < window->out_w;) {
      const int32_t column = x * window->stride_w - window->left;
      const int32_t end = column + window->stride_w + window->kernel_w;
      if (column >= 0 && end <= window->in_w && x + 1 < window->out_w) {
        inner_pair(window, layer, in, row, column, out);
        x += 2;
        out += 2 * window->out_c;
        continue;
      }
      for (int32_t o = 0; o < window->out_c; ++o) {
        const int8_t *w = layer->weights + o * taps;
        const int32_t sum = at_border(window, layer, in, w, row, column);
        *out++ = requantized(layer, o, layer->bias[o] + sum);
      }
      ++x;
    }
  }
}

void pt_fully_connected(int32_t in_count, int32_t out_count, const pt_layer *layer,
                        const int8_t *in, int8_t *out) {
  for (int32_t o = 0; o < out_count; ++o) {
    const int32_t sum = dot(in, layer->weights + o * in_count, in_count);
    out[o] = requantized(layer, o, layer->bias[o] + sum);
  }
}
