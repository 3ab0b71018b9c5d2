/* A double of CMSIS-NN: what its interface promises, as plain loops. It is as unkind as the
 * interface allows: scratch memory and the whole output are overwritten before anything is read,
 * sizes and shapes that do not fit end the program, and so does a row of input, which the real
 * library sends to a kernel with a known fault. DOUBLE_HELIUM asks for the scratch memory
 * of cores with Helium, DOUBLE_ASKS for so many bytes more; with DOUBLE_REFUSES the call of that
 * number (from 1) in the environment's REFUSED_CALL is refused. */
#include <stdlib.h>
#include <string.h>

#include "arm_nnfunctions.h"

#ifndef DOUBLE_ASKS
#define DOUBLE_ASKS 0
#endif
#ifdef DOUBLE_HELIUM
static const int32_t helium = 1;
#else
static const int32_t helium = 0;
#endif

/* Whether this is the call to refuse. */
static int32_t refuses(void) {
#ifdef DOUBLE_REFUSES
  static int32_t calls = 0;
  const char *call = getenv("REFUSED_CALL");
  return call != NULL && ++calls == atoi(call);
#else
  return 0;
#endif
}

static void require(int32_t condition) {
  if (!condition) __builtin_trap();
}

static int32_t elements(const cmsis_nn_dims *dims) {
  return dims->n * dims->h * dims->w * dims->c;
}

/* The rounding to nearest, twice: of a * b / 2^31 upwards, of the shift away from zero. */
static int32_t requantize(int32_t x, int32_t multiplier, int32_t shift) {
  const int64_t left = shift > 0 ? (int64_t)x * ((int64_t)1 << shift) : x;
  const int64_t sum = left * multiplier + ((int64_t)1 << 30);
  int64_t high = sum / ((int64_t)1 << 31);
  if (sum < 0 && sum % ((int64_t)1 << 31) != 0) --high;
  if (shift >= 0) return (int32_t)high;
  const int64_t unit = (int64_t)1 << -shift;
  const int64_t away = (llabs(high) + unit / 2) / unit;
  return (int32_t)(high < 0 ? -away : away);
}

static int8_t clamped(int32_t x, int32_t offset, cmsis_nn_activation range) {
  const int32_t y = x + offset;
  return (int8_t)(y < range.min ? range.min : y > range.max ? range.max : y);
}

/* Spoils what a step may write before it has read all of its input. */
static void spoil(const cmsis_nn_context *ctx, int32_t scratch, const cmsis_nn_dims *output_dims,
                  int8_t *output) {
  require(scratch == 0 || (ctx->buf != NULL && ctx->size >= scratch));
  require((uintptr_t)ctx->buf % 4 == 0);
  if (scratch > 0) memset(ctx->buf, 0x5A, (size_t)scratch);
  memset(output, 0x5A, (size_t)elements(output_dims));
}

/* Sum over a window of (x + offset) * w: `count` channels from `first`, a pixel of weights
 * w_stride. */
typedef struct {
  const cmsis_nn_dims *in, *filter;
  const int8_t *x, *w;
  int32_t offset, row, column;
} view;

static int32_t product_sum(const view *v, int32_t first, int32_t count, int32_t w_first,
                           int32_t w_stride) {
  int32_t sum = 0;
  for (int32_t ky = 0; ky < v->filter->h; ++ky) {
    for (int32_t kx = 0; kx < v->filter->w; ++kx) {
      const int32_t y = v->row + ky, x = v->column + kx;
      if (y < 0 || y >= v->in->h || x < 0 || x >= v->in->w) continue;
      for (int32_t c = 0; c < count; ++c) {
        const int32_t value = v->x[(y * v->in->w + x) * v->in->c + first + c] + v->offset;
        sum += value * v->w[w_first + (ky * v->filter->w + kx) * w_stride + c];
      }
    }
  }
  return sum;
}

static int32_t unpadded_1x1(const cmsis_nn_conv_params *params, const cmsis_nn_dims *filter) {
  return filter->h == 1 && filter->w == 1 && params->padding.w == 0 && params->padding.h == 0;
}

static int32_t gathered_bytes(const cmsis_nn_dims *input_dims, const cmsis_nn_dims *filter_dims) {
  const int32_t taps = filter_dims->h * filter_dims->w * input_dims->c;
  const int32_t multiple = helium ? 16 : 4;
  return 4 * ((taps + multiple - 1) / multiple * multiple) + DOUBLE_ASKS;
}

int32_t arm_convolve_wrapper_s8_get_buffer_size(const cmsis_nn_conv_params *conv_params,
                                                const cmsis_nn_dims *input_dims,
                                                const cmsis_nn_dims *filter_dims,
                                                const cmsis_nn_dims *output_dims) {
  (void)output_dims;
  if (!unpadded_1x1(conv_params, filter_dims)) {
    return gathered_bytes(input_dims, filter_dims);
  }
  const int32_t fast = conv_params->stride.w == 1 && conv_params->stride.h == 1;
  return fast && !helium ? 4 * input_dims->c : 0;
}

static void convolve(const cmsis_nn_context *ctx, int32_t scratch,
                     const cmsis_nn_conv_params *params,
                     const cmsis_nn_per_channel_quant_params *quant, const cmsis_nn_dims *in,
                     const int8_t *x, const cmsis_nn_dims *filter, const int8_t *w,
                     const int32_t *bias, const cmsis_nn_dims *out, int8_t *y) {
  require(filter->n == out->c && filter->c == in->c && in->n == 1 && out->n == 1);
  require(params->dilation.w == 1 && params->dilation.h == 1);
  spoil(ctx, scratch, out, y);
  view v = {in, filter, x, w, params->input_offset, 0, 0};
  for (int32_t oy = 0; oy < out->h; ++oy) {
    for (int32_t ox = 0; ox < out->w; ++ox) {
      v.row = oy * params->stride.h - params->padding.h;
      v.column = ox * params->stride.w - params->padding.w;
      for (int32_t o = 0; o < out->c; ++o) {
        const int32_t taps = filter->h * filter->w * in->c;
        const int32_t sum = bias[o] + product_sum(&v, 0, in->c, o * taps, in->c);
        *y++ = clamped(requantize(sum, quant->multiplier[o], quant->shift[o]),
                       params->output_offset, params->activation);
      }
    }
  }
}

arm_cmsis_nn_status arm_convolve_wrapper_s8(
    const cmsis_nn_context *ctx, const cmsis_nn_conv_params *conv_params,
    const cmsis_nn_per_channel_quant_params *quant_params, const cmsis_nn_dims *input_dims,
    const int8_t *input_data, const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
    const cmsis_nn_dims *bias_dims, const int32_t *bias_data, const cmsis_nn_dims *output_dims,
    int8_t *output_data) {
  if (refuses()) return ARM_CMSIS_NN_ARG_ERROR;
  (void)bias_dims;
  require(unpadded_1x1(conv_params, filter_dims) || input_dims->h > 1 || filter_dims->h > 1);
  convolve(
      ctx,
      arm_convolve_wrapper_s8_get_buffer_size(conv_params, input_dims, filter_dims, output_dims),
      conv_params, quant_params, input_dims, input_data, filter_dims, filter_data, bias_data,
      output_dims, output_data);
  return ARM_CMSIS_NN_SUCCESS;
}

int32_t arm_depthwise_conv_wrapper_s8_get_buffer_size(const cmsis_nn_dw_conv_params *dw_conv_params,
                                                      const cmsis_nn_dims *input_dims,
                                                      const cmsis_nn_dims *filter_dims,
                                                      const cmsis_nn_dims *output_dims) {
  (void)output_dims;
  const int32_t taps = filter_dims->h * filter_dims->w;
  const cmsis_nn_tile padding = dw_conv_params->padding;
  if (helium) return 4 * 124 * taps;
  if (filter_dims->h == 3 && filter_dims->w == 3 && padding.h <= 1 && padding.w <= 1) return 0;
  return 2 * taps * input_dims->c;
}

arm_cmsis_nn_status arm_depthwise_conv_wrapper_s8(
    const cmsis_nn_context *ctx, const cmsis_nn_dw_conv_params *dw_conv_params,
    const cmsis_nn_per_channel_quant_params *quant_params, const cmsis_nn_dims *input_dims,
    const int8_t *input_data, const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
    const cmsis_nn_dims *bias_dims, const int32_t *bias_data, const cmsis_nn_dims *output_dims,
    int8_t *output_data) {
  if (refuses()) return ARM_CMSIS_NN_ARG_ERROR;
  (void)bias_dims;
  require(dw_conv_params->ch_mult == 1 && input_dims->c == output_dims->c);
  require(filter_dims->n == 1 && filter_dims->c == output_dims->c && input_dims->n == 1);
  require(dw_conv_params->dilation.w == 1 && dw_conv_params->dilation.h == 1);
  const int32_t scratch = arm_depthwise_conv_wrapper_s8_get_buffer_size(dw_conv_params, input_dims,
                                                                        filter_dims, output_dims);
  spoil(ctx, scratch, output_dims, output_data);
  view v = {input_dims, filter_dims, input_data, filter_data, dw_conv_params->input_offset, 0, 0};
  for (int32_t oy = 0; oy < output_dims->h; ++oy) {
    for (int32_t ox = 0; ox < output_dims->w; ++ox) {
      v.row = oy * dw_conv_params->stride.h - dw_conv_params->padding.h;
      v.column = ox * dw_conv_params->stride.w - dw_conv_params->padding.w;
      require(v.row < input_dims->h && v.column < input_dims->w && v.row + filter_dims->h > 0 &&
              v.column + filter_dims->w > 0);
      for (int32_t c = 0; c < output_dims->c; ++c) {
        const int32_t sum = bias_data[c] + product_sum(&v, c, 1, c, output_dims->c);
        *output_data++ =
            clamped(requantize(sum, quant_params->multiplier[c], quant_params->shift[c]),
                    dw_conv_params->output_offset, dw_conv_params->activation);
      }
    }
  }
  return ARM_CMSIS_NN_SUCCESS;
}

/* Calls for a pool's output with the sum, the largest and the number of cells in the input. */
static void pool(const cmsis_nn_pool_params *params, const cmsis_nn_dims *in, const int8_t *x,
                 const cmsis_nn_dims *filter, const cmsis_nn_dims *out, int8_t *y,
                 int32_t average) {
  for (int32_t at = 0; at < out->h * out->w * out->c; ++at) {
    const int32_t c = at % out->c, ox = at / out->c % out->w, oy = at / out->c / out->w;
    int32_t sum = 0, most = -128, count = 0;
    for (int32_t k = 0; k < filter->h * filter->w; ++k) {
      const int32_t row = oy * params->stride.h - params->padding.h + k / filter->w;
      const int32_t column = ox * params->stride.w - params->padding.w + k % filter->w;
      if (row < 0 || row >= in->h || column < 0 || column >= in->w) continue;
      const int32_t value = x[(row * in->w + column) * in->c + c];
      sum += value;
      most = value > most ? value : most;
      ++count;
    }
    require(count > 0);
    const int32_t rounded = (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
    y[at] = clamped(average ? rounded : most, 0, params->activation);
  }
}

int32_t arm_avgpool_s8_get_buffer_size(const int dim_dst_width, const int ch_src) {
  (void)dim_dst_width;
  return helium ? 0 : 4 * ch_src;
}

arm_cmsis_nn_status arm_avgpool_s8(const cmsis_nn_context *ctx,
                                   const cmsis_nn_pool_params *pool_params,
                                   const cmsis_nn_dims *input_dims, const int8_t *input_data,
                                   const cmsis_nn_dims *filter_dims,
                                   const cmsis_nn_dims *output_dims, int8_t *output_data) {
  if (refuses()) return ARM_CMSIS_NN_ARG_ERROR;
  spoil(ctx, arm_avgpool_s8_get_buffer_size(output_dims->w, input_dims->c), output_dims,
        output_data);
  pool(pool_params, input_dims, input_data, filter_dims, output_dims, output_data, 1);
  return ARM_CMSIS_NN_SUCCESS;
}

arm_cmsis_nn_status arm_max_pool_s8(const cmsis_nn_context *ctx,
                                    const cmsis_nn_pool_params *pool_params,
                                    const cmsis_nn_dims *input_dims, const int8_t *input_data,
                                    const cmsis_nn_dims *filter_dims,
                                    const cmsis_nn_dims *output_dims, int8_t *output_data) {
  if (refuses()) return ARM_CMSIS_NN_ARG_ERROR;
  spoil(ctx, 0, output_dims, output_data);
  pool(pool_params, input_dims, input_data, filter_dims, output_dims, output_data, 0);
  return ARM_CMSIS_NN_SUCCESS;
}

/* Four at a time, as the real one: an output may lie over an input in so far. */
arm_cmsis_nn_status arm_elementwise_add_s8(
    const int8_t *input_1_vect, const int8_t *input_2_vect, const int32_t input_1_offset,
    const int32_t input_1_mult, const int32_t input_1_shift, const int32_t input_2_offset,
    const int32_t input_2_mult, const int32_t input_2_shift, const int32_t left_shift,
    int8_t *output, const int32_t out_offset, const int32_t out_mult, const int32_t out_shift,
    const int32_t out_activation_min, const int32_t out_activation_max, const int32_t block_size) {
  if (refuses()) return ARM_CMSIS_NN_ARG_ERROR;
  const cmsis_nn_activation range = {out_activation_min, out_activation_max};
  for (int32_t i = 0; i < block_size; i += 4) {
    const int32_t count = block_size - i < 4 ? block_size - i : 4;
    int32_t a[4], b[4];
    for (int32_t k = 0; k < count; ++k) {
      a[k] = (input_1_vect[i + k] + input_1_offset) * (1 << left_shift);
      b[k] = (input_2_vect[i + k] + input_2_offset) * (1 << left_shift);
    }
    for (int32_t k = 0; k < count; ++k) {
      const int32_t sum = requantize(a[k], input_1_mult, input_1_shift) +
                          requantize(b[k], input_2_mult, input_2_shift);
      output[i + k] = clamped(requantize(sum, out_mult, out_shift), out_offset, range);
    }
  }
  return ARM_CMSIS_NN_SUCCESS;
}
