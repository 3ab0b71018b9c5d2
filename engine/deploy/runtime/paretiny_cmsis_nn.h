/* Steps of a generated network that Arm's CMSIS-NN computes, to the same bytes as our own kernels.
 * They keep their input and output apart from each other and from the scratch memory, of which
 * `..._scratch` tells the bytes; an addition may lie over its inputs as pt_add may. They return 0,
 * or what CMSIS-NN returned where it refused a call, a negative number. */
#ifndef PARETINY_CMSIS_NN_H
#define PARETINY_CMSIS_NN_H

#include "paretiny_kernels.h"

/* As pt_layer, but bias[o] is the layer's own, and shifts are as wide as CMSIS-NN reads them. */
typedef struct {
  const int8_t *weights;
  const int32_t *bias;
  const int32_t *multipliers;
  const int32_t *shifts;
  int8_t input_zero, output_zero;
  int8_t low, high;
} pt_cmsis_nn_layer;

typedef struct {
  void *at; /* a multiple of 4 */
  int32_t bytes;
} pt_cmsis_nn_scratch;

/* Also a fully connected layer, as a 1x1 window on one pixel. */
int32_t pt_cmsis_nn_conv(const pt_window *window, const pt_cmsis_nn_layer *layer, const int8_t *in,
                         int8_t *out, pt_cmsis_nn_scratch scratch);
int32_t pt_cmsis_nn_conv_scratch(const pt_window *window);

int32_t pt_cmsis_nn_depthwise(const pt_window *window, const pt_cmsis_nn_layer *layer,
                              const int8_t *in, int8_t *out, pt_cmsis_nn_scratch scratch);
int32_t pt_cmsis_nn_depthwise_scratch(const pt_window *window);

int32_t pt_cmsis_nn_average_pool(const pt_window *window, const int8_t *in, int8_t *out,
                                 pt_cmsis_nn_scratch scratch);
int32_t pt_cmsis_nn_average_pool_scratch(const pt_window *window);

int32_t pt_cmsis_nn_max_pool(const pt_window *window, const int8_t *in, int8_t *out);

int32_t pt_cmsis_nn_add(const pt_add_constants *constants, int32_t count, const int8_t *a,
                        const int8_t *b, int8_t *out);

#endif
