// Moves five tensors' bytes: x and dy for the sums, x, dy and dx for the result. Behind an addition
// the slope is a step of its own, before them.
#include "kernels/nn/cpu/batchnorm_walk.h"
#include "kernels/nn/cpu/with_activation.h"
#include "kernels/nn/elementwise.h"

namespace paretiny::cpu {
namespace {

/// Sums over the rows of dz, the gradient of the activation's input, and of dz * (x - mean).
struct GradientSums {
  double dz = 0;
  double dz_deviation = 0;
};

/// The gradient of the activation's input at lane j, dz = dy * slope(x * scale + offset).
template <nn::Activation kActivation, class Width>
void input_gradient(const Affine& z, const F32x16& x, std::int64_t j, Width width, F32x16& dz) {
  if constexpr (kActivation != nn::Activation::none) {
    F32x16 scale, offset, slope;
    load(scale, z.scale + j, width);
    load(offset, z.offset + j, width);
    nn::activation_slope<F32x16>(kActivation, x * scale + offset, slope);
    dz *= slope;
  }
}

template <nn::Activation kActivation, class T>
void chunk_gradient_sums(Walk& walk, const Affine& z, const float* mean, const T* x, const T* dy,
                         std::int64_t chunk, std::int64_t begin, std::int64_t end) {
  const std::int64_t channels = walk.channels, lanes = walk.lanes;
  const std::int64_t step = walk.block_rows * channels;
  float* sums = walk.thread_table(0);
  GradientSums* totals = walk.partial<GradientSums>(chunk);
  std::fill_n(totals, channels, GradientSums{});
  for (std::int64_t first = begin; first < end; first += step) {
    sum_lanes<2>(first, std::min(first + step, end), lanes, sums,
                 [=](std::int64_t i, std::int64_t j, auto width, Addends<2>& addends) {
                   F32x16 value, centre;
                   load_ahead(value, x + i, width);
                   load(centre, mean + j, width);
                   load_ahead(addends[0], dy + i, width);
                   input_gradient<kActivation>(z, value, j, width, addends[0]);
                   addends[1] = addends[0] * (value - centre);
                 });
    fold(channels, lanes, sums);
    fold(channels, lanes, sums + lanes);
    for (std::int64_t c = 0; c < channels; ++c) {
      totals[c].dz += sums[c];
      totals[c].dz_deviation += sums[lanes + c];
    }
  }
}

/// dx = dz * scale + x * slope + constant, a lane: the last two are the gradient through mean and
/// variance, zero where those are constants.
struct Through {
  const float* slope;
  const float* constant;
};

/// Gradients of gamma and beta from the chunks' sums, and the coefficients of dx.
Through finish_sums(Walk& walk, const nn::BatchNormShape& shape, bool constant_statistics,
                    const float* scale, const float* mean, const float* var, float* dgamma,
                    float* dbeta) {
  GradientSums* sums = walk.partial<GradientSums>(0);
  for (std::int64_t k = 1; k < walk.chunks.count; ++k) {
    const GradientSums* more = walk.partial<GradientSums>(k);
    for (std::int64_t c = 0; c < walk.channels; ++c) {
      sums[c].dz += more[c].dz;
      sums[c].dz_deviation += more[c].dz_deviation;
    }
  }
  const double weight = constant_statistics ? 0 : -1 / static_cast<double>(walk.chunks.rows);
  const auto slope_of = [=, epsilon = shape.epsilon](std::int64_t c) {
    return weight * scale[c] * sums[c].dz_deviation / (double{var[c]} + epsilon);
  };
  float* slope = walk.shared_table(3);
  float* constant = walk.shared_table(4);
  repeat(walk.channels, walk.lanes, slope,
         [=](std::int64_t c) { return static_cast<float>(slope_of(c)); });
  repeat(walk.channels, walk.lanes, constant, [=](std::int64_t c) {
    return static_cast<float>(weight * scale[c] * sums[c].dz - slope_of(c) * mean[c]);
  });
  for (std::int64_t c = 0; c < walk.channels; ++c) {
    dgamma[c] =
        static_cast<float>(sums[c].dz_deviation / std::sqrt(double{var[c]} + shape.epsilon));
    dbeta[c] = static_cast<float>(sums[c].dz);
  }
  return {slope, constant};
}

void backward(Stream& stream, nn::BatchNormShape shape, bool constant_statistics,
              nn::BatchNormBackward t) {
  if (t.daddend) {
    nn::twins::add_backward(stream, shape.activation, t.y, t.dy, t.daddend);
    shape.activation = nn::Activation::none;
    t.dy = t.daddend;
  }
  Walk walk(stream.scratch(), shape.input);
  const float* mean = t.mean.as<float>();
  const float* var = t.var.as<float>();
  const Affine z = affine(walk, shape, t.gamma.as<float>(), t.beta.as<float>(), mean, var);
  float* mean_table = walk.shared_table(2);
  repeat(walk.channels, walk.lanes, mean_table, [=](std::int64_t c) { return mean[c]; });
  with_element(t.x.dtype, [&]<class T>(T) {
    with_activation(shape.activation, [&](auto fixed) {
      const T* from = t.x.as<T>();
      const T* grad = t.dy.as<T>();
      walk.for_chunks(
          Order::forwards, [&, z](std::int64_t chunk, std::int64_t begin, std::int64_t end) {
            chunk_gradient_sums<fixed()>(walk, z, mean_table, from, grad, chunk, begin, end);
          });
      const Through through = finish_sums(walk, shape, constant_statistics, z.scale, mean, var,
                                          t.dgamma.as<float>(), t.dbeta.as<float>());
      walk.for_chunks(
          Order::backwards, [&, z, through](std::int64_t, std::int64_t begin, std::int64_t end) {
            T* to = t.dx.as<T>();
            for_lanes(begin, end, walk.lanes, [=](std::int64_t i, std::int64_t j, auto width) {
              F32x16 value, dz, scale, slope, constant;
              load_ahead(value, from + i, width);
              load_ahead(dz, grad + i, width);
              load(scale, z.scale + j, width);
              load(slope, through.slope + j, width);
              load(constant, through.constant + j, width);
              input_gradient<fixed()>(z, value, j, width, dz);
              store(to + i, dz * scale + (value * slope + constant), width);
            });
          });
    });
  });
}

void batchnorm_backward(Stream& stream, const nn::BatchNormShape& shape,
                        const nn::BatchNormBackward& t) {
  backward(stream, shape, false, t);
}

void batchnorm_inference_backward(Stream& stream, const nn::BatchNormShape& shape,
                                  const nn::BatchNormBackward& t) {
  backward(stream, shape, true, t);
}

const Twin backward_twin(nn::twins::batchnorm_backward, DeviceKind::cpu, batchnorm_backward);
const Twin inference_backward_twin(nn::twins::batchnorm_inference_backward, DeviceKind::cpu,
                                   batchnorm_inference_backward);

}  // namespace
}  // namespace paretiny::cpu
