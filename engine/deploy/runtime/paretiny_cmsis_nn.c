/* Calls of CMSIS-NN, 6 or later, by functions alone whose arguments are the same in all of them. */
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
  const cmsis_nn_conv_params params = {
      .stride = stride_of(window), .padding = padding_of(window), .dilation = {1, 1}};
  return params;
}

static cmsis_nn_dw_conv_params depthwise_of(const pt_window *window) {
  const cmsis_nn_dw_conv_params params = {
      .ch_mult = 1, .stride = stride_of(window), .padding = padding_of(window), .dilation = {1, 1}};
  return params;
}

static cmsis_nn_pool_params pool_of(const pt_window *window) {
  const cmsis_nn_pool_params params = {.stride = stride_of(window),
                                       .padding = padding_of(window),
                                       .activation = range_of(-128, 127)};
  return params;
}

/* One row of input is given as a column, which lies in memory alike: for rows CMSIS-NN has a kernel
 * of its own, which with Helium gets the last column wrong where the stride is 2 and the padding
 * odd. */
static pt_window upright(const pt_window *window) {
  pt_window column = *window;
  if (window->in_h != 1 || window->kernel_h != 1 || window->kernel_w == 1) return column;
  column.in_h = window->in_w;
  column.out_h = window->out_w;
  column.kernel_h = window->kernel_w;
  column.stride_h = window->stride_w;
  column.top = window->left;
  column.in_w = column.out_w = column.kernel_w = column.stride_w = 1;
  column.left = 0;
  return column;
}

PT_SHARED int32_t pt_cmsis_nn_conv(const pt_window *window, const pt_cmsis_nn_layer *layer,
                                   const int8_t *in, int8_t *out, pt_cmsis_nn_scratch scratch) {
  const pt_window w = upright(window);
  const cmsis_nn_context context = context_of(scratch);
  const cmsis_nn_per_channel_quant_params multipliers = multipliers_of(layer);
  const cmsis_nn_dims input = input_of(&w), output = output_of(&w);
  const cmsis_nn_dims filter = filter_of(&w, w.out_c, w.in_c);
  const cmsis_nn_dims bias = {w.out_c, 1, 1, 1};
  cmsis_nn_conv_params params = conv_of(&w);
  params.input_offset = -layer->input_zero;
  params.output_offset = layer->output_zero;
  params.activation = range_of(layer->low, layer->high);
  return arm_convolve_wrapper_s8(&context, &params, &multipliers, &input, in, &filter,
                                 layer->weights, &bias, layer->bias, &output, out);
}

PT_SHARED int32_t pt_cmsis_nn_conv_scratch(const pt_window *window) {
  const pt_window w = upright(window);
  const cmsis_nn_dims input = input_of(&w), output = output_of(&w);
  const cmsis_nn_dims filter = filter_of(&w, w.out_c, w.in_c);
  const cmsis_nn_conv_params params = conv_of(&w);
  return arm_convolve_wrapper_s8_get_buffer_size(&params, &input, &filter, &output);
}

PT_SHARED int32_t pt_cmsis_nn_depthwise(const pt_window *window, const pt_cmsis_nn_layer *layer,
                                        const int8_t *in, int8_t *out,
                                        pt_cmsis_nn_scratch scratch) {
  const cmsis_nn_context context = context_of(scratch);
  const cmsis_nn_per_channel_quant_params multipliers = multipliers_of(layer);
  const cmsis_nn_dims input = input_of(window), output = output_of(window);
  const cmsis_nn_dims filter = filter_of(window, 1, window->out_c);
  const cmsis_nn_dims bias = {window->out_c, 1, 1, 1};
  cmsis_nn_dw_conv_params params = depthwise_of(window);
  params.input_offset = -layer->input_zero;
  params.output_offset = layer->output_zero;
  params.activation = range_of(layer->low, layer->high);
  return arm_depthwise_conv_wrapper_s8(&context, &params, &multipliers, &input, in, &filter,
                                       layer->weights, &bias, layer->bias, &output, out);
}

PT_SHARED int32_t pt_cmsis_nn_depthwise_scratch(const pt_window *window) {
  const cmsis_nn_dims input = input_of(window), output = output_of(window);
  const cmsis_nn_dims filter = filter_of(window, 1, window->out_c);
  const cmsis_nn_dw_conv_params params = depthwise_of(window);
  return arm_depthwise_conv_wrapper_s8_get_buffer_size(&params, &input, &filter, &output);
}

PT_SHARED int32_t pt_cmsis_nn_average_pool(const pt_window *window, const int8_t *in, int8_t *out,
                                           pt_cmsis_nn_scratch scratch) {
  const cmsis_nn_context context = context_of(scratch);
  const cmsis_nn_pool_params params = pool_of(window);
  const cmsis_nn_dims input = input_of(window), output = output_of(window);
  const cmsis_nn_dims filter = filter_of(window, 1, 1);
  return arm_avgpool_s8(&context, &params, &input, in, &filter, &output, out);
}

PT_SHARED int32_t pt_cmsis_nn_average_pool_scratch(const pt_window *window) {
  return arm_avgpool_s8_get_buffer_size(window->out_w, window->in_c);
}

PT_SHARED int32_t pt_cmsis_nn_max_pool(const pt_window *window, const int8_t *in, int8_t *out) {
  const cmsis_nn_context context = {0, 0};
  const cmsis_nn_pool_params params = pool_of(window);
  const cmsis_nn_dims input = input_of(window), output = output_of(window);
  const cmsis_nn_dims filter = filter_of(window, 1, 1);
  return arm_max_pool_s8(&context, &params, &input, in, &filter, &output, out);
}

PT_SHARED int32_t pt_cmsis_nn_add(const pt_add_constants *constants, int32_t count, const int8_t *a,
                                  const int8_t *b, int8_t *out) {
  return arm_elementwise_add_s8(
      a, b, -constants->a_zero, constants->a.multiplier, constants->a.shift, -constants->b_zero,
      constants->b.multiplier, constants->b.shift, 20, out, constants->out_zero,
      constants->out.multiplier, constants->out.shift, constants->low, constants->high, count);
}
