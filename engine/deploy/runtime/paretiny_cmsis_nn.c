/* Calls of CMSIS-NN, 6 or later. What its functions return is not looked at: they refuse shapes and
 * missing scratch memory alone, and model_init has asked for that. */
#include "paretiny_cmsis_nn.h"

#include "arm_nnfunctions.h"

#ifdef CMSIS_NN_USE_SINGLE_ROUNDING
#error "built with CMSIS_NN_USE_SINGLE_ROUNDING, CMSIS-NN gives other bytes: build it without"
#endif

static cmsis_nn_dims input_of(const pt_window *window) {
  const cmsis_nn_dims dims = {1, window->in_h, window->in_w, window->in_c};
  return dims;
}

static cmsis_nn_dims output_of(const pt_window *window) {
  const cmsis_nn_dims dims = {1, window->out_h, window->out_w, window->out_c};
  return dims;
}

static cmsis_nn_dims filter_of(const pt_window *window, int32_t n, int32_t c) {
  const cmsis_nn_dims dims = {n, window->kernel_h, window->kernel_w, c};
  return dims;
}

static cmsis_nn_tile stride_of(const pt_window *window) {
  const cmsis_nn_tile tile = {window->stride_w, window->stride_h};
  return tile;
}

static cmsis_nn_tile padding_of(const pt_window *window) {
  const cmsis_nn_tile tile = {window->left, window->top};
  return tile;
}

static cmsis_nn_activation range_of(int32_t low, int32_t high) {
  const cmsis_nn_activation range = {low, high};
  return range;
}

static cmsis_nn_context context_of(pt_cmsis_nn_scratch scratch) {
  const cmsis_nn_context context = {scratch.at, scratch.bytes};
  return context;
}

static cmsis_nn_per_channel_quant_params multipliers_of(const pt_cmsis_nn_layer *layer) {
  const cmsis_nn_per_channel_quant_params params = {(int32_t *)layer->multipliers,
                                                    (int32_t *)layer->shifts};
  return params;
}

static cmsis_nn_conv_params conv_of(const pt_window *window) {
  const cmsis_nn_conv_params params = {.stride = stride_of(window),
                                       .padding = padding_of(window),
                                       .dilation = {1, 1}};
  return params;
}

static cmsis_nn_dw_conv_params depthwise_of(const pt_window *window) {
  const cmsis_nn_dw_conv_params params = {.ch_mult = 1,
                                          .stride = stride_of(window),
                                          .padding = padding_of(window),
                                          .dilation = {1, 1}};
  return params;
}

static cmsis_nn_pool_params pool_of(const pt_window *window) {
  const cmsis_nn_pool_params params = {.stride = stride_of(window),
                                       .padding = padding_of(window),
                                       .activation = range_of(-128, 127)};
  return params;
}

/* For one row of input CMSIS-NN has a kernel of its own, which with Helium gets the last column
 * wrong where the stride is 2 and the padding odd: the general one is right. */
static int32_t is_row(const pt_window *window) {
  const int32_t pixelwise = window->kernel_w == 1 && window->left == 0;
  return window->in_h == 1 && window->kernel_h == 1 && !pixelwise;
}

void pt_cmsis_nn_conv(const pt_window *window, const pt_cmsis_nn_layer *layer, const int8_t *in,
                      int8_t *out, pt_cmsis_nn_scratch scratch) {
  const cmsis_nn_context context = context_of(scratch);
  const cmsis_nn_per_channel_quant_params multipliers = multipliers_of(layer);
  const cmsis_nn_dims input = input_of(window), output = output_of(window);
  const cmsis_nn_dims filter = filter_of(window, window->out_c, window->in_c);
  const cmsis_nn_dims bias = {window->out_c, 1, 1, 1};
  cmsis_nn_conv_params params = conv_of(window);
  params.input_offset = -layer->input_zero;
  params.output_offset = layer->output_zero;
  params.activation = range_of(layer->low, layer->high);
  if (is_row(window)) {
    (void)arm_convolve_s8(&context, &params, &multipliers, &input, in, &filter, layer->weights,
                          &bias, layer->bias, &output, out);
  } else {
    (void)arm_convolve_wrapper_s8(&context, &params, &multipliers, &input, in, &filter,
                                  layer->weights, &bias, layer->bias, &output, out);
  }
}

int32_t pt_cmsis_nn_conv_scratch(const pt_window *window) {
  const cmsis_nn_dims input = input_of(window), output = output_of(window);
  const cmsis_nn_dims filter = filter_of(window, window->out_c, window->in_c);
  const cmsis_nn_conv_params params = conv_of(window);
  if (is_row(window)) return arm_convolve_s8_get_buffer_size(&input, &filter);
  return arm_convolve_wrapper_s8_get_buffer_size(&params, &input, &filter, &output);
}

void pt_cmsis_nn_depthwise(const pt_window *window, const pt_cmsis_nn_layer *layer,
                           const int8_t *in, int8_t *out, pt_cmsis_nn_scratch scratch) {
  const cmsis_nn_context context = context_of(scratch);
  const cmsis_nn_per_channel_quant_params multipliers = multipliers_of(layer);
  const cmsis_nn_dims input = input_of(window), output = output_of(window);
  const cmsis_nn_dims filter = filter_of(window, 1, window->out_c);
  const cmsis_nn_dims bias = {window->out_c, 1, 1, 1};
  cmsis_nn_dw_conv_params params = depthwise_of(window);
  params.input_offset = -layer->input_zero;
  params.output_offset = layer->output_zero;
  params.activation = range_of(layer->low, layer->high);
  (void)arm_depthwise_conv_wrapper_s8(&context, &params, &multipliers, &input, in, &filter,
                                      layer->weights, &bias, layer->bias, &output, out);
}

int32_t pt_cmsis_nn_depthwise_scratch(const pt_window *window) {
  const cmsis_nn_dims input = input_of(window), output = output_of(window);
  const cmsis_nn_dims filter = filter_of(window, 1, window->out_c);
  const cmsis_nn_dw_conv_params params = depthwise_of(window);
  return arm_depthwise_conv_wrapper_s8_get_buffer_size(&params, &input, &filter, &output);
}

void pt_cmsis_nn_average_pool(const pt_window *window, const int8_t *in, int8_t *out,
                              pt_cmsis_nn_scratch scratch) {
  const cmsis_nn_context context = context_of(scratch);
  const cmsis_nn_pool_params params = pool_of(window);
  const cmsis_nn_dims input = input_of(window), output = output_of(window);
  const cmsis_nn_dims filter = filter_of(window, 1, 1);
  (void)arm_avgpool_s8(&context, &params, &input, in, &filter, &output, out);
}

int32_t pt_cmsis_nn_average_pool_scratch(const pt_window *window) {
  return arm_avgpool_s8_get_buffer_size(window->out_w, window->in_c);
}

void pt_cmsis_nn_max_pool(const pt_window *window, const int8_t *in, int8_t *out) {
  const cmsis_nn_context context = {0, 0};
  const cmsis_nn_pool_params params = pool_of(window);
  const cmsis_nn_dims input = input_of(window), output = output_of(window);
  const cmsis_nn_dims filter = filter_of(window, 1, 1);
  (void)arm_max_pool_s8(&context, &params, &input, in, &filter, &output, out);
}

void pt_cmsis_nn_add(const pt_add_constants *constants, int32_t count, const int8_t *a,
                     const int8_t *b, int8_t *out) {
  (void)arm_elementwise_add_s8(a, b, -constants->a_zero, constants->a.multiplier,
                               constants->a.shift, -constants->b_zero, constants->b.multiplier,
                               constants->b.shift, 20, out, constants->out_zero,
                               constants->out.multiplier, constants->out.shift, constants->low,
                               constants->high, count);
}
