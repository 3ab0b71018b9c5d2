// The normalisation of a channel as x * scale + offset, made in one way wherever it is needed, so
// that the backward pass sees the very numbers that the forward pass clipped.
#pragma once

#include <cuda_runtime.h>

#include "kernels/nn/batchnorm.h"

namespace paretiny::cuda {

struct Affine {
  float scale, offset;
};

/// What a batch norm knows of its channels.
struct ChannelStatistics {
  const float* gamma;
  const float* beta;
  const float* mean;
  const float* var;
  float epsilon;

  ChannelStatistics(const nn::BatchNormShape& shape, const ConstView& the_gamma,
                    const ConstView& the_beta, const ConstView& the_mean, const ConstView& the_var)
      : gamma(the_gamma.as<float>()),
        beta(the_beta.as<float>()),
        mean(the_mean.as<float>()),
        var(the_var.as<float>()),
        epsilon(shape.epsilon) {}

  __device__ Affine affine(int channel) const {
    const float scale = gamma[channel] * rsqrtf(var[channel] + epsilon);
    return {scale, beta[channel] - mean[channel] * scale};
  }
};

inline std::int64_t rows_of(const nn::BatchNormShape& shape) {
  return shape.input.n * shape.input.h * shape.input.w;
}

}  // namespace paretiny::cuda
