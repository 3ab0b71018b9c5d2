/* The instructions of the DSP extension that the runtime uses, in C, so that its code for cores
 * with the extension runs on any little-endian machine. Those that it writes as assembly are
 * recognised by the number of their operands. */
#ifndef ARM_ACLE_H
#define ARM_ACLE_H

#include <stdint.h>

typedef int32_t int16x2_t;
typedef int32_t int8x4_t;

static inline int32_t low_half(int32_t pair) {
  return (int16_t)pair;
}
static inline int32_t high_half(int32_t pair) {
  return (int16_t)((uint32_t)pair >> 16);
}
static inline int16x2_t halves(int32_t low, int32_t high) {
  return (int32_t)(((uint32_t)low & 0xFFFF) | ((uint32_t)high << 16));
}
static inline int32_t byte_of(int32_t word, int32_t at) {
  return (int8_t)((uint32_t)word >> (8 * at));
}

static inline int16x2_t sxtab16(int16x2_t base, int32_t word, int32_t first) {
  return halves(low_half(base) + byte_of(word, first), high_half(base) + byte_of(word, first + 2));
}
#define __sxtb16(word) sxtab16(0, word, 0)
#define __sxtab16(base, word) sxtab16(base, word, 0)

static inline int32_t wrapped(int64_t sum) {
  return (int32_t)(uint32_t)(uint64_t)sum;
}
static inline int32_t __smlad(int16x2_t a, int16x2_t b, int32_t sum) {
  return wrapped((int64_t)low_half(a) * low_half(b) + (int64_t)high_half(a) * high_half(b) + sum);
}
static inline int32_t __smlabb(int16x2_t a, int16x2_t b, int32_t sum) {
  return wrapped((int64_t)low_half(a) * low_half(b) + sum);
}
static inline int32_t __smlatt(int16x2_t a, int16x2_t b, int32_t sum) {
  return wrapped((int64_t)high_half(a) * high_half(b) + sum);
}

/* sxtb16 pair, word, ror #8 and sxtab16 pair, base, word, ror #8 */
#define FORM(first, second, form, ...) form
#define ODD(...) pair = sxtab16(0, word, 1)
#define ODD_ABOVE(...) pair = sxtab16(base, word, 1)
#define __asm__(...) FORM(__VA_ARGS__, ODD_ABOVE, ODD, )(__VA_ARGS__)

#endif
