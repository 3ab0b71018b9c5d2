/* Dense convolution, two pixels by two output channels at a time, and the fully connected layer. */
#include "paretiny_arithmetic.h"
#include "paretiny_order.h"

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
#if PT_DSP
  for (; count >= 4; count -= 4, w += 4) {
    const int32_t word = pt_word(w);
    sum = __smlad(pt_even(word), 0x00010001, sum);
    sum = __smlad(pt_odd(word), 0x00010001, sum);
  }
#endif
  for (; count > 0; --count) sum += *w++;
  return sum;
}

/* sums[0], sums[2]: one pixel with channel 0 and with channel 1, w_next bytes after it. */
static void dot_1x2(const int8_t *x, const int8_t *w, int32_t w_next, int32_t count,
                    int32_t sums[4]) {
  int32_t s0 = sums[0], s1 = sums[2];
#if PT_DSP
  for (; count >= 4; count -= 4, x += 4, w += 4) {
    const int32_t a = pt_word(x), c = pt_word(w), d = pt_word(w + w_next);
    const int16x2_t a_even = pt_even(a), a_odd = pt_odd(a);
    s0 = __smlad(a_even, pt_even(c), s0);
    s1 = __smlad(a_even, pt_even(d), s1);
    s0 = __smlad(a_odd, pt_odd(c), s0);
    s1 = __smlad(a_odd, pt_odd(d), s1);
  }
#endif
  for (; count > 0; --count, ++x, ++w) {
    s0 += *x * *w;
    s1 += *x * w[w_next];
  }
  sums[0] = s0;
  sums[2] = s1;
}

/* sums: pixel 0 and 1 with channel 0, then with channel 1. The second pixel and channel lie x_next
 * and w_next bytes after the first: two pointers to move, and all of it fits in registers. */
static void dot_2x2(const int8_t *x, int32_t x_next, const int8_t *w, int32_t w_next, int32_t count,
                    int32_t sums[4]) {
  int32_t s00 = sums[0], s10 = sums[1], s01 = sums[2], s11 = sums[3];
#if PT_DSP
  for (const int8_t *end = x + (count & ~3); x != end; x += 4, w += 4) {
    const int32_t a = pt_word(x), b = pt_word(x + x_next);
    const int16x2_t a_even = pt_even(a), a_odd = pt_odd(a);
    const int16x2_t b_even = pt_even(b), b_odd = pt_odd(b);
    const int32_t c = pt_word(w), d = pt_word(w + w_next);
    const int16x2_t c_even = pt_even(c), c_odd = pt_odd(c);
    s00 = __smlad(a_even, c_even, s00);
    s10 = __smlad(b_even, c_even, s10);
    s00 = __smlad(a_odd, c_odd, s00);
    s10 = __smlad(b_odd, c_odd, s10);
    const int16x2_t d_even = pt_even(d), d_odd = pt_odd(d);
    s01 = __smlad(a_even, d_even, s01);
    s11 = __smlad(b_even, d_even, s11);
    s01 = __smlad(a_odd, d_odd, s01);
    s11 = __smlad(b_odd, d_odd, s11);
  }
  count &= 3;
#endif
  for (; count > 0; --count, ++x, ++w) {
    const int32_t a = *x, b = x[x_next], c = *w, d = w[w_next];
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

/* What one or two pixels' windows meet: `rows` rows of `length` bytes, in_row apart; those from
 * inside_begin to inside_end lie in the input, the others in the padding, and so do the first
 * `left` and last `right` bytes of each. A second pixel's window is x_next bytes after the first's
 * and has no padding beside it. */
typedef struct {
  const int8_t *x; /* of row inside_begin, the padding left out */
  int32_t x_next, in_row, length, left, right;
  int32_t rows, inside_begin, inside_end;
} patch;

/* What padding adds: its zero point times the weights that meet it. */
static void add_padding(int32_t zero, const int8_t *w, int32_t w_next, int32_t count,
                        int32_t sums[4]) {
  const int32_t first = zero * total(w, count), second = zero * total(w + w_next, count);
  sums[0] += first;
  sums[1] += first;
  sums[2] += second;
  sums[3] += second;
}

/* Outputs of one channel, of two pixels `next` bytes apart. */
static void put_two(const pt_layer *layer, int32_t channel, const int32_t *sums, int8_t *out,
                    int32_t next) {
  const int32_t multiplier = layer->multipliers[channel], shift = layer->shifts[channel];
  const int32_t zero = layer->output_zero, low = layer->low, high = layer->high;
  out[0] = (int8_t)pt_clamp(pt_multiply(sums[0], multiplier, shift) + zero, low, high);
  out[next] = (int8_t)pt_clamp(pt_multiply(sums[1], multiplier, shift) + zero, low, high);
}

static void pixels_of(const patch *from, const pt_layer *layer, int32_t channels, int32_t pixels,
                      int8_t *out) {
  const int32_t taps = from->rows * from->length;
  const int32_t inside = from->length - from->left - from->right;
  for (int32_t o = 0; o < channels; o += 2) {
    const int32_t second = o + 1 < channels; /* the last of an odd number is done twice */
    const int32_t w_next = second * taps;
    const int8_t *w = layer->weights + o * taps;
    const int8_t *x = from->x;
    int32_t sums[4] = {layer->bias[o], layer->bias[o], layer->bias[o + second],
                       layer->bias[o + second]};
    for (int32_t row = 0; row < from->rows; ++row, w += from->length) {
      if (row < from->inside_begin || row >= from->inside_end) {
        add_padding(layer->input_zero, w, w_next, from->length, sums);
        continue;
      }
      if (pixels == 2) {
        dot_2x2(x, from->x_next, w, w_next, inside, sums);
      } else {
        if (from->left > 0) add_padding(layer->input_zero, w, w_next, from->left, sums);
        dot_1x2(x, w + from->left, w_next, inside, sums);
        if (from->right > 0) {
          add_padding(layer->input_zero, w + from->left + inside, w_next, from->right, sums);
        }
      }
      x += from->in_row;
    }
    if (pixels == 2) {
      put_two(layer, o, sums, out + o, channels);
      if (second) put_two(layer, o + 1, sums + 2, out + o + 1, channels);
      continue;
    }
    out[o] = pt_requantized(layer, o, sums[0]);
    if (second) out[o + 1] = pt_requantized(layer, o + 1, sums[2]);
  }
}

/* Copies one pixel's window, padding and all. */
static void gather(const pt_window *window, int8_t zero, const int8_t *in, int32_t row,
                   int32_t column, int8_t *to) {
  for (int32_t y = row; y < row + window->kernel_h; ++y) {
    for (int32_t x = column; x < column + window->kernel_w; ++x) {
      const int32_t inside = y >= 0 && y < window->in_h && x >= 0 && x < window->in_w;
      const int8_t *from = in + (y * window->in_w + x) * window->in_c * inside;
      for (int32_t c = 0; c < window->in_c; ++c) *to++ = inside ? from[c] : zero;
    }
  }
}

static int32_t at_least_0(int32_t x) {
  return x < 0 ? 0 : x;
}

PT_SHARED void pt_conv(const pt_window *window, const pt_layer *layer, const int8_t *in,
                       int8_t *out) {
  const int32_t in_c = window->in_c;
  const int32_t in_row = window->in_w * in_c;
  const int32_t length = window->kernel_w * in_c;
  const int32_t taps = window->kernel_h * length;
  const int32_t gathers = pt_conv_gathers(window->kernel_h * window->kernel_w, in_c);
  int8_t gathered[2 * PT_GATHERED];
  for (int32_t y = 0; y < window->out_h; ++y) {
    const int32_t row = y * window->stride_h - window->top;
    const int32_t above = at_least_0(-row);
    const int32_t below = at_least_0(row + window->kernel_h - window->in_h);
    for (int32_t x = 0, pixels; x < window->out_w; x += pixels, out += pixels * window->out_c) {
      const int32_t column = x * window->stride_w - window->left;
      const int32_t end = column + window->kernel_w;
      pixels = pt_conv_pixels(gathers, window->out_w - x, column, window->kernel_w,
                              window->stride_w, window->in_w);
      if (gathers) {
        for (int32_t i = 0; i < pixels; ++i) {
          gather(window, layer->input_zero, in, row, column + i * window->stride_w,
                 gathered + i * taps);
        }
        const patch from = {gathered, taps, 0, taps, 0, 0, 1, 0, 1};
        pixels_of(&from, layer, window->out_c, pixels, out);
        continue;
      }
      const int32_t left = at_least_0(-column);
      const patch from = {in + (row + above) * in_row + (column + left) * in_c,
                          window->stride_w * in_c,
                          in_row,
                          length,
                          left * in_c,
                          at_least_0(end - window->in_w) * in_c,
                          window->kernel_h,
                          above,
                          window->kernel_h - below};
      pixels_of(&from, layer, window->out_c, pixels, out);
    }
  }
}

PT_SHARED void pt_fully_connected(int32_t in_count, int32_t out_count, const pt_layer *layer,
                                  const int8_t *in, int8_t *out) {
  for (int32_t o = 0; o < out_count; ++o) {
    const int32_t sum = dot(in, layer->weights + o * in_count, in_count);
    out[o] = pt_requantized(layer, o, layer->bias[o] + sum);
  }
}
