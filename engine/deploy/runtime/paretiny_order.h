/* How many pixels a convolution computes at a time. The kernel steps through its output with these
 * functions, and so does the generator, in C++, when it plans which output may lie over its input.
 */
#ifndef PARETINY_ORDER_H
#define PARETINY_ORDER_H

#include <stdint.h>

/* Bytes of a window that is copied to the stack before it is used, twice. */
#define PT_GATHERED 64

/* Whether windows of so many positions are gathered first: the rows of small ones would be too
 * short to be worth a loop each. */
static inline int32_t pt_conv_gathers(int32_t positions, int32_t channels) {
  return positions > 1 && positions * channels <= PT_GATHERED;
}

/* Pixels computed together where `outputs` are left in a row and the next window begins at `column`
 * of the input: two, unless either meets padding beside the input and is not gathered. */
static inline int32_t pt_conv_pixels(int32_t gathers, int32_t outputs, int32_t column,
                                     int32_t kernel_w, int32_t stride_w, int32_t in_w) {
  const int32_t inside = column >= 0 && column + stride_w + kernel_w <= in_w;
  return outputs > 1 && (gathers || inside) ? 2 : 1;
}

#endif
