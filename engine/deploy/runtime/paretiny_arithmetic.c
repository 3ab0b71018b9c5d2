#include "paretiny_arithmetic.h"

PT_SHARED int8_t pt_requantized(const pt_layer *layer, int32_t channel, int32_t sum) {
  const int32_t scaled = pt_multiply(sum, layer->multipliers[channel], layer->shifts[channel]);
  return (int8_t)pt_clamp(scaled + layer->output_zero, layer->low, layer->high);
}
