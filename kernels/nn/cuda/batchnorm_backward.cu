// Batch norm backward: one pass reads x and dy for two sums a channel, a small one merges the
// blocks' sums and makes dgamma, dbeta and the coefficients of dx, one reads x and dy again and
// writes dx, backwards, as in the forward direction. dz, the gradient of the activation's input, is
// made from x and the statistics each time; behind an addition the first pass makes it from y and
// stores it as the gradient of the addend, which the last one reads in place of dy.
#include "kernels/nn/cuda/batchnorm_affine.h"
#include "kernels/nn/cuda/channel_reduce.h"
#include "kernels/nn/cuda/fixed_activation.h"

namespace paretiny::cuda {
namespace {

/// Sums over the rows of dz and of dz * (x - mean).
struct GradientSums {
  float dz = 0;
  float dz_deviation = 0;
  __device__ void merge(const GradientSums& other) {
    dz += other.dz;
    dz_deviation += other.dz_deviation;
  }
};

template <int kWidth>
struct Pair {
  Values<kWidth> x, dy;
};

template <class T, int kWidth>
__device__ Pair<kWidth> load_pair(const T* x, const T* dy, int count) {
  return {load_values<kWidth>(x, count), load_values<kWidth>(dy, count)};
}

/// dz = dy * slope(x * scale + offset).
template <nn::Activation kActivation>
__device__ float input_gradient(const Affine& affine, float x, float dy) {
  if constexpr (kActivation == nn::Activation::none) return dy;
  return dy * nn::activation_slope(kActivation, x * affine.scale + affine.offset);
}

/// Of a batch norm behind an addition: y is read and dz is written, [pixels, channels], once each.
template <class T>
struct Addition {
  const T* y;
  T* dz;
};

/// Reads x and dy, [pixels, channels], once each; partial: [blocks, channels].
template <class T, int kWidth, bool kAdds>
__global__ void gradient_sums_kernel(GridDependency earlier, ChannelWalk walk,
                                     nn::Activation activation, ChannelStatistics statistics,
                                     const T* x, const T* dy, Addition<T> addition,
                                     GradientSums* partial) {
  earlier.wait();
  const ChannelThread<kWidth> me(walk);
  Affine affine[kWidth];
  float mean[kWidth];
  for (int k = 0; k < kWidth; ++k) {
    if constexpr (!kAdds) affine[k] = statistics.affine(me.channel(k));
    mean[k] = statistics.mean[me.channel(k)];
  }
  GradientSums sums[kWidth];
  struct Loaded {
    Pair<kWidth> pair;
    Values<kWidth> y;
  };
  with_activation(activation, [&]<nn::Activation kActivation>() {
    me.template each_pack<2>(
        [&](std::int64_t i, int count) {
          Loaded loaded{load_pair<T, kWidth>(x + i, dy + i, count), {}};
          if constexpr (kAdds) loaded.y = load_values<kWidth>(addition.y + i, count);
          return loaded;
        },
        [&](const Loaded& loaded, std::int64_t i, int count) {
          Values<kWidth> gradient;
          // Beyond the count dy is 0, and with it what is added.
          for (int k = 0; k < kWidth; ++k) {
            const float value = loaded.pair.x.value[k];
            float dz = loaded.pair.dy.value[k];
            if constexpr (kAdds) {
              dz *= nn::activation_slope(kActivation, loaded.y.value[k]);
            } else {
              dz = input_gradient<kActivation>(affine[k], value, dz);
            }
            sums[k].dz += dz;
            sums[k].dz_deviation += dz * (value - mean[k]);
            gradient.value[k] = dz;
          }
          if constexpr (kAdds) store_values(addition.dz + i, gradient, count);
        });
  });
  merge_block(walk, me, sums, KeepPart<GradientSums>{partial});
}

/// dx = dz * scale + x * slope + constant, a channel: the last two are the gradient through mean
/// and variance, zero where those are constants.
struct Through {
  float slope, constant;
};

struct FinishGradients {
  ChannelStatistics statistics;
  double weight;  // -1 / rows, or 0 for constant statistics
  float* dgamma;
  float* dbeta;
  Through* through;

  __device__ void operator()(int channel, const GradientSums& sums) const {
    const double var = double{statistics.var[channel]} + statistics.epsilon;
    const double scaled = weight * statistics.affine(channel).scale;
    const double slope = scaled * sums.dz_deviation / var;
    dgamma[channel] = static_cast<float>(sums.dz_deviation / sqrt(var));
    dbeta[channel] = sums.dz;
    through[channel] = {static_cast<float>(slope),
                        static_cast<float>(scaled * sums.dz - slope * statistics.mean[channel])};
  }
};

/// Reads x and dy and writes dx, [pixels, channels], once each; through: [channels].
template <class T, int kWidth>
__global__ void input_gradient_kernel(GridDependency earlier, ChannelWalk walk,
                                      nn::Activation activation, ChannelStatistics statistics,
                                      const Through* through, const T* x, const T* dy, T* dx) {
  earlier.wait();
  const ChannelThread<kWidth> me(walk);
  Affine affine[kWidth];
  Through mine[kWidth];
  for (int k = 0; k < kWidth; ++k) {
    affine[k] = statistics.affine(me.channel(k));
    mine[k] = through[me.channel(k)];
  }
  with_activation(activation, [&]<nn::Activation kActivation>() {
    me.template each_pack<2>(
        [&](std::int64_t i, int count) { return load_pair<T, kWidth>(x + i, dy + i, count); },
        [&](const Pair<kWidth>& pair, std::int64_t i, int count) {
          Values<kWidth> result;
          for (int k = 0; k < kWidth; ++k) {
            const float value = pair.x.value[k];
            const float dz = input_gradient<kActivation>(affine[k], value, pair.dy.value[k]);
            result.value[k] = dz * affine[k].scale + (value * mine[k].slope + mine[k].constant);
          }
          store_values(dx + i, result, count);
        });
  });
}

void backward(Stream& stream, const nn::BatchNormShape& shape, bool constant_statistics,
              const nn::BatchNormBackward& t) {
  const std::int64_t rows = rows_of(shape), channels = shape.input.c;
  const ChannelStatistics statistics{shape, t.gamma, t.beta, t.mean, t.var};
  with_element(t.x.dtype, [&]<class T>(T) {
    const T* x = t.x.as<T>();
    const T* dy = t.dy.as<T>();
    T* dx = t.dx.as<T>();
    const bool adds = static_cast<bool>(t.daddend);
    const Addition<T> addition{t.y.as<T>(), t.daddend.as<T>()};
    const T* const y = adds ? addition.y : x;
    const T* const dz = adds ? addition.dz : dy;
    with_width<T>(walks_in_packs<T>(1, rows, channels, {x, dy, dx, y, dz}), [&](auto width) {
      const ChannelWalk walk = reduction_walk(stream, rows, channels, width);
      Arena::Scope scratch(stream.scratch());
      GradientSums* partial = take_parts<GradientSums>(scratch, walk);
      auto* through =
          static_cast<Through*>(scratch.take(static_cast<std::size_t>(channels) * sizeof(Through)));
      const auto kernel =
          adds ? gradient_sums_kernel<T, width(), true> : gradient_sums_kernel<T, width(), false>;
      launch_dependent(stream, "batchnorm: gradient sums", kernel,
                       walk.shape(merge_bytes<GradientSums>(walk, width)), walk, shape.activation,
                       statistics, x, dy, addition, partial);
      const double weight = constant_statistics ? 0 : -1 / static_cast<double>(rows);
      merge_parts(
          stream, "batchnorm: gradients", walk, partial,
          FinishGradients{statistics, weight, t.dgamma.as<float>(), t.dbeta.as<float>(), through});
      ChannelWalk back = channel_walk(1, rows, channels, width, map_blocks(stream), 2);
      back.backwards = true;
      launch_dependent(stream, "batchnorm: input gradient", input_gradient_kernel<T, width()>,
                       back.shape(), back, adds ? nn::Activation::none : shape.activation,
                       statistics, through, x, dz, dx);
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

std::size_t batchnorm_scratch_bytes(Stream& stream, const nn::BatchNormShape& shape, DType dtype) {
  const std::int64_t rows = rows_of(shape), channels = shape.input.c;
  std::size_t bytes = 0;
  with_element(dtype, [&]<class T>(T) {
    bytes = std::max(reduction_bytes<T, Moments>(stream, rows, channels),
                     reduction_bytes<T, GradientSums>(stream, rows, channels) +
                         aligned(static_cast<std::size_t>(channels) * sizeof(Through)));
  });
  return bytes;
}

const Twin backward_twin(nn::twins::batchnorm_backward, DeviceKind::cuda, batchnorm_backward);
const Twin inference_backward_twin(nn::twins::batchnorm_inference_backward, DeviceKind::cuda,
                                   batchnorm_inference_backward);
const Twin scratch_twin(nn::twins::batchnorm_scratch_bytes, DeviceKind::cuda,
                        batchnorm_scratch_bytes);

}  // namespace
}  // namespace paretiny::cuda
