#pragma once

#include "kernels/nn/cpu/convolution/convolution.h"

namespace paretiny::cpu {

dnnl::memory::data_type type_of(DType dtype);

/// A primitive and the layout of its weights.
struct Part {
  Prepared primitive;
  dnnl::memory::desc weights;
};

/// oneDNN's convolution of `samples` samples for one thread, x and y [n, h, w, c] of type
/// `computed`. Its operands: x, y, w and b if there is one, or their gradients. `weights`: any
/// layout, or the one that another part has already. Throws dnnl::error.
Part prepare_part(const dnnl::engine& engine, Convolution convolution, std::int64_t samples,
                  Direction direction, bool bias, DType computed,
                  const dnnl::memory::desc& weights);

}  // namespace paretiny::cpu
