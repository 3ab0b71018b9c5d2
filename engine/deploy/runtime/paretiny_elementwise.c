/* Addition, the gate of squeeze-and-excite, functions by table. */
#include "paretiny_arithmetic.h"

PT_SHARED void pt_add(const pt_add_constants *constants, int32_t count, const int8_t *a,
                      const int8_t *b, int8_t *out) {
  for (; count > 0; --count) {
    const int32_t x = (*a++ - constants->a_zero) * (1 << 20);
    const int32_t y = (*b++ - constants->b_zero) * (1 << 20);
    const int32_t sum = pt_multiply(x, constants->a.multiplier, constants->a.shift) +
                        pt_multiply(y, constants->b.multiplier, constants->b.shift);
    const int32_t scaled = pt_multiply(sum, constants->out.multiplier, constants->out.shift);
    *out++ = (int8_t)pt_clamp(scaled + constants->out_zero, constants->low, constants->high);
  }
}

PT_SHARED void pt_scale(const pt_mul_constants *constants, int32_t pixels, int32_t channels,
                        const int8_t *a, const int8_t *b, int8_t *out) {
  for (; pixels > 0; --pixels) {
    for (int32_t c = 0; c < channels; ++c) {
      const int32_t product = (*a++ - constants->a_zero) * (b[c] - constants->b_zero);
      const int32_t scaled = pt_multiply(product, constants->out.multiplier, constants->out.shift);
      *out++ = (int8_t)pt_clamp(scaled + constants->out_zero, constants->low, constants->high);
    }
  }
}

PT_SHARED void pt_lookup(const int8_t *table, int32_t count, const int8_t *in, int8_t *out) {
  for (; count > 0; --count) *out++ = table[*in++ + 128];
}
