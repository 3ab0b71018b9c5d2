/* Fixed-point steps that the operators share. */
#ifndef PARETINY_ARITHMETIC_H
#define PARETINY_ARITHMETIC_H

#include <stdint.h>
#include <string.h>

#include "paretiny_kernels.h"

/* Two products an instruction on cores with the DSP extension; -DPT_DSP=0 switches it off. */
#ifndef PT_DSP
#if defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_SIMD32)
#define PT_DSP 1
#else
#define PT_DSP 0
#endif
#endif
#if PT_DSP
#include <arm_acle.h>
#endif

static inline int32_t pt_clamp(int32_t x, int32_t low, int32_t high) {
  return x < low ? low : x > high ? high : x;
}

/* a * b / 2^31 to nearest, halves towards plus infinity. Multipliers are never negative, so the one
 * case that overflows does not occur. */
static inline int32_t pt_high_multiply(int32_t a, int32_t b) {
  return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

/* x / 2^exponent to nearest, halves away from zero; exponent in 1 .. 31, x above -2^31. */
static inline int32_t pt_rounding_shift(int32_t x, int32_t exponent) {
  const int32_t down = x + (x >> 31); /* then halves of either sign round up */
  return ((down >> (exponent - 1)) + 1) >> 1;
}

/* x * multiplier / 2^31 * 2^shift, rounded twice. */
static inline int32_t pt_multiply(int32_t x, int32_t multiplier, int32_t shift) {
  if (shift >= 0) return pt_high_multiply((int32_t)((uint32_t)x << shift), multiplier);
  return pt_rounding_shift(pt_high_multiply(x, multiplier), -shift);
}

/* A layer's sum as output of a channel. */
int8_t pt_requantized(const pt_layer *layer, int32_t channel, int32_t sum);

#if PT_DSP
/* Four neighbouring int8 in one word, from any address: one load on these cores. */
static inline int32_t pt_word(const int8_t *from) {
  int32_t word;
  memcpy(&word, from, sizeof word);
  return word;
}
/* Its bytes 0 and 2, and 1 and 3, as two int16 each. */
static inline int16x2_t pt_even(int32_t word) {
  return __sxtb16((int8x4_t)word);
}
static inline int16x2_t pt_odd(int32_t word) {
  int16x2_t pair; /* the compiler has no name for the form that rotates first */
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(word));
  return pair;
}
/* The same, added to a pair. */
static inline int16x2_t pt_even_above(int16x2_t base, int32_t word) {
  return __sxtab16(base, (int8x4_t)word);
}
static inline int16x2_t pt_odd_above(int16x2_t base, int32_t word) {
  int16x2_t pair;
  __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(pair) : "r"(base), "r"(word));
  return pair;
}
#endif

#endif
