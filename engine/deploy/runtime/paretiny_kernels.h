/* Integer operators of a generated network. int8 activations [h][w][c] and weights, int32
 * accumulators, the arithmetic of the TensorFlow Lite reference kernels to the bit. C99; no heap,
 * and nothing of the C library but memcpy.
 *
 * An output may lie over an input in the way the generated memory plan needs it. Windows go over
 * the pixels in rising order: what a pixel takes is not read any more once the next pixel is begun,
 * two pixels counting as one where paretiny_order.h says so. Element-wise operators read an element
 * before they write it. The mean and the fully connected layer keep their output apart. */
#ifndef PARETINY_KERNELS_H
#define PARETINY_KERNELS_H

#include <stdint.h>

#include "paretiny_names.h"

/* A window sliding over an input; padding stands for the input's zero point. */
typedef struct {
  uint16_t in_h, in_w, in_c;
  uint16_t out_h, out_w, out_c;
  uint16_t kernel_h, kernel_w;
  uint8_t stride_h, stride_w;
  uint8_t top, left;
} pt_window;

/* A layer's constants. bias[o] already holds -input_zero * (sum of the weights of o), so that the
 * sum runs over plain products; not so of a depthwise convolution, which subtracts the zero point
 * and leaves padding out. Output o is multiplied by multipliers[o] / 2^31 * 2^shifts[o]. */
typedef struct {
  const int8_t *weights;
  const int32_t *bias;
  const int32_t *multipliers;
  const int8_t *shifts;
  int8_t input_zero, output_zero;
  int8_t low, high;
} pt_layer;

/* weights: [out_c][kernel_h][kernel_w][in_c] */
void pt_conv(const pt_window *window, const pt_layer *layer, const int8_t *in, int8_t *out);
/* weights: [kernel_h][kernel_w][c] */
void pt_depthwise(const pt_window *window, const pt_layer *layer, const int8_t *in, int8_t *out);
/* weights: [out_count][in_count] */
void pt_fully_connected(int32_t in_count, int32_t out_count, const pt_layer *layer,
                        const int8_t *in, int8_t *out);

typedef struct {
  int32_t multiplier;
  int32_t shift;
} pt_multiplier;

typedef struct {
  pt_multiplier a, b, out;
  int8_t a_zero, b_zero, out_zero;
  int8_t low, high;
} pt_add_constants;
void pt_add(const pt_add_constants *constants, int32_t count, const int8_t *a, const int8_t *b,
            int8_t *out);

typedef struct {
  pt_multiplier out;
  int8_t a_zero, b_zero, out_zero;
  int8_t low, high;
} pt_mul_constants;
/* a: [pixels][channels]; b: [channels], the same for every pixel */
void pt_scale(const pt_mul_constants *constants, int32_t pixels, int32_t channels, const int8_t *a,
              const int8_t *b, int8_t *out);

/* out = table[in + 128] */
void pt_lookup(const int8_t *table, int32_t count, const int8_t *in, int8_t *out);

/* Padding is never counted. */
void pt_max_pool(const pt_window *window, const int8_t *in, int8_t *out);
void pt_average_pool(const pt_window *window, const int8_t *in, int8_t *out);

/* Mean over pixels. in: [pixels][channels]; out: [channels]; 1 / pixels is part of `out`. */
void pt_mean(const pt_multiplier *multiplier, int8_t in_zero, int8_t out_zero, int32_t pixels,
             int32_t channels, const int8_t *in, int8_t *out);

#endif
