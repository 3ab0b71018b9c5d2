/* Pools and the mean. */
#include "paretiny_arithmetic.h"

/* Calls for each output pixel and channel with what lies inside the input. */
static void pool(const pt_window *window, const int8_t *in, int8_t *out, int32_t average) {
  const int32_t channels = window->in_c;
  for (int32_t y = 0; y < window->out_h; ++y) {
    const int32_t top = y * window->stride_h - window->top;
    const int32_t y0 = top < 0 ? 0 : top;
    const int32_t y1 =
        top + window->kernel_h < window->in_h ? top + window->kernel_h : window->in_h;
    for (int32_t x = 0; x < window->out_w; ++x) {
      const int32_t left = x * window->stride_w - window->left;
      const int32_t x0 = left < 0 ? 0 : left;
      const int32_t x1 =
          left + window->kernel_w < window->in_w ? left + window->kernel_w : window->in_w;
      const int32_t count = (y1 - y0) * (x1 - x0);
      for (int32_t c = 0; c < channels; ++c) {
        int32_t sum = 0, most = -128;
        for (int32_t iy = y0; iy < y1; ++iy) {
          const int8_t *from = in + (iy * window->in_w + x0) * channels + c;
          for (int32_t ix = x0; ix < x1; ++ix, from += channels) {
            sum += *from;
            if (*from > most) most = *from;
          }
        }
        if (average) most = (sum + (sum > 0 ? count / 2 : -(count / 2))) / count;
        *out++ = (int8_t)most;
      }
    }
  }
}

PT_SHARED void pt_max_pool(const pt_window *window, const int8_t *in, int8_t *out) {
  pool(window, in, out, 0);
}

PT_SHARED void pt_average_pool(const pt_window *window, const int8_t *in, int8_t *out) {
  pool(window, in, out, 1);
}

PT_SHARED void pt_mean(const pt_multiplier *multiplier, int8_t in_zero, int8_t out_zero,
                       int32_t pixels, int32_t channels, const int8_t *in, int8_t *out) {
  for (int32_t c = 0; c < channels; ++c) {
    int32_t sum = -pixels * in_zero;
    for (int32_t p = 0; p < pixels; ++p) sum += in[p * channels + c];
    const int32_t scaled = pt_multiply(sum, multiplier->multiplier, multiplier->shift);
    out[c] = (int8_t)pt_clamp(scaled + out_zero, -128, 127);
  }
}
