// Batch norm forward: one pass reads x for the moments of every channel, a small one merges the
// blocks' moments and makes the statistics, one reads x and writes y. The last goes backwards
// through each block's share: what the first read last may still lie in the cache. It adds a
// residual on the way.
#include "kernels/core/host_device.h"
#include "kernels/nn/cuda/batchnorm_affine.h"
#include "kernels/nn/cuda/channel_reduce.h"
#include "kernels/nn/cuda/channel_statistics.h"
#include "kernels/nn/cuda/fixed_activation.h"

namespace paretiny::cuda {
namespace {

/// Moments of x - x[0], a channel: the shift keeps the means small beside the deviations, so that
/// they are not rounded as numbers of the size of x. A group of rows goes in at once, its
/// deviations from its own first row: whatever the data, that costs two bits at most (of four rows,
/// no deviation's square exceeds three times the variance), and groups merge without cancellation.
template <class T, int kWidth>
__global__ void moments_kernel(GridDependency earlier, ChannelWalk walk, const T* x,
                               Moments* partial) {
  earlier.wait();
  const ChannelThread<kWidth> me(walk);
  float first[kWidth];
  for (int k = 0; k < kWidth; ++k) first[k] = widen(x[me.channel(k)]);
  float whole = 0;  // rows taken in packs that are whole
  int rest = 0;     // and elements of the last pack, if it is not
  float mean[kWidth] = {}, square[kWidth] = {};
  me.template each_group<4>(
      [&](std::int64_t i, int count) { return load_values<kWidth>(x + i, count); },
      [&]<int kRows>(const Values<kWidth>(&group)[kRows], const std::int64_t(&)[kRows], int count) {
        const float share = kRows / (whole + kRows);
        const float weight = share * whole;
        for (int k = 0; k < kWidth; ++k) {
          if (k >= count) break;
          const float origin = group[0].value[k];
          float sum = 0, sum_of_squares = 0;
          for (int i = 1; i < kRows; ++i) {
            const float deviation = group[i].value[k] - origin;
            sum += deviation;
            sum_of_squares += deviation * deviation;
          }
          const float shift = sum * (1.0f / kRows);
          const float delta = origin - first[k] + shift - mean[k];
          mean[k] += delta * share;
          square[k] += sum_of_squares - sum * shift + delta * delta * weight;
        }
        if (count == kWidth) {
          whole += kRows;
        } else {
          rest = count;
        }
      });
  Moments moments[kWidth];
  for (int k = 0; k < kWidth; ++k) {
    moments[k] = {k < rest ? whole + 1 : whole, mean[k], square[k]};
  }
  merge_block(walk, me, moments, KeepPart<Moments>{partial});
}

struct Running {
  float* mean;  ///< or null: there are none
  float* var;
  float momentum;

  /// The unbiased variance is square / (count - 1), with one value 0.
  __device__ void blend(int channel, double now_mean, double square, double count) const {
    const double unbiased = square / (count > 1 ? count - 1 : 1);
    mean[channel] = static_cast<float>((1.0 - momentum) * mean[channel] + momentum * now_mean);
    var[channel] = static_cast<float>((1.0 - momentum) * var[channel] + momentum * unbiased);
  }
};

template <class T>
struct FinishStatistics {
  const T* first_row;
  double count;
  Running running;
  float* mean;
  float* var;

  __device__ void operator()(int channel, const Moments& moments) const {
    const double now_mean = double{widen(first_row[channel])} + moments.mean;
    mean[channel] = static_cast<float>(now_mean);
    var[channel] = static_cast<float>(moments.square / count);
    if (running.mean != nullptr) running.blend(channel, now_mean, moments.square, count);
  }
};

/// Reads x, and the addend with kAdds, and writes y, [pixels, channels], once each.
template <class T, int kWidth, bool kAdds>
__global__ void normalise_kernel(GridDependency earlier, ChannelWalk walk,
                                 nn::Activation activation, ChannelStatistics statistics,
                                 const T* x, const T* addend, T* y) {
  earlier.wait();
  const ChannelThread<kWidth> me(walk);
  Affine affine[kWidth];
  for (int k = 0; k < kWidth; ++k) affine[k] = statistics.affine(me.channel(k));
  struct Loaded {
    Values<kWidth> x, addend;
  };
  with_activation(activation, [&]<nn::Activation kActivation>() {
    me.template each_pack<2>(
        [&](std::int64_t i, int count) {
          Loaded loaded{load_values<kWidth>(x + i, count), {}};
          if constexpr (kAdds) loaded.addend = load_values<kWidth>(addend + i, count);
          return loaded;
        },
        [&](const Loaded& loaded, std::int64_t i, int count) {
          Values<kWidth> values;
          for (int k = 0; k < kWidth; ++k) {
            float value = loaded.x.value[k] * affine[k].scale + affine[k].offset;
            if constexpr (kAdds) value += loaded.addend.value[k];
            values.value[k] = nn::activate(kActivation, value);
          }
          store_values(y + i, values, count);
        });
  });
}

/// `addend` may be null.
template <class T>
void normalise(Stream& stream, const nn::BatchNormShape& shape, const ChannelStatistics& statistics,
               const T* x, const T* addend, T* y) {
  const std::int64_t rows = rows_of(shape), channels = shape.input.c;
  const T* const other = addend == nullptr ? x : addend;
  with_width<T>(walks_in_packs<T>(1, rows, channels, {x, other, y}), [&](auto width) {
    ChannelWalk walk = channel_walk(1, rows, channels, width, map_blocks(stream), 2);
    walk.backwards = true;
    const auto kernel = addend == nullptr ? normalise_kernel<T, width(), false>
                                          : normalise_kernel<T, width(), true>;
    launch_dependent(stream, "batchnorm: normalising", kernel, walk.shape(), walk, shape.activation,
                     statistics, x, addend, y);
  });
}

/// Calls finish(channel, moments of x - x[0]), a functor for the device.
template <class T, class Finish>
void take_moments(Stream& stream, const T* x, std::int64_t rows, std::int64_t channels,
                  Finish finish) {
  with_width<T>(walks_in_packs<T>(1, rows, channels, {x}), [&](auto width) {
    const ChannelWalk walk = reduction_walk(stream, rows, channels, width);
    Arena::Scope scratch(stream.scratch());
    Moments* partial = take_parts<Moments>(scratch, walk);
    launch_dependent(stream, "batchnorm: moments", moments_kernel<T, width()>,
                     walk.shape(merge_bytes<Moments>(walk, width)), walk, x, partial);
    merge_parts(stream, "batchnorm: statistics", walk, partial, finish);
  });
}

void batchnorm_forward(Stream& stream, const nn::BatchNormShape& shape,
                       const nn::BatchNormForward& t) {
  const std::int64_t rows = rows_of(shape), channels = shape.input.c;
  with_element(t.x.dtype, [&]<class T>(T) {
    const T* x = t.x.as<T>();
    const Running running{t.running_mean.as<float>(), t.running_var.as<float>(), shape.momentum};
    take_moments(stream, x, rows, channels,
                 FinishStatistics<T>{x, static_cast<double>(rows), running,
                                     t.saved_mean.as<float>(), t.saved_var.as<float>()});
    normalise(stream, shape, {shape, t.gamma, t.beta, t.saved_mean, t.saved_var}, x,
              t.addend.as<T>(), t.y.as<T>());
  });
}

void batchnorm_inference_forward(Stream& stream, const nn::BatchNormShape& shape,
                                 const nn::BatchNormInference& t) {
  with_element(t.x.dtype, [&]<class T>(T) {
    normalise(stream, shape, {shape, t.gamma, t.beta, t.mean, t.var}, t.x.as<T>(), t.addend.as<T>(),
              t.y.as<T>());
  });
}

/// A thread a channel. scale, shift: [channels].
__global__ void fold_kernel(GridDependency earlier, int channels, double count,
                            ChannelStatistics statistics, Running running, float* scale,
                            float* shift) {
  earlier.wait();
  const int c = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (c >= channels) return;
  const Affine affine = statistics.affine(c);
  scale[c] = affine.scale;
  shift[c] = affine.offset;
  if (running.mean == nullptr) return;
  running.blend(c, statistics.mean[c], statistics.var[c] * count, count);
}

void batchnorm_fold(Stream& stream, const nn::BatchNormShape& shape, const nn::BatchNormFold& t) {
  constexpr unsigned kThreads = 128;  // a channel each, of which a layer has some hundred
  const auto channels = static_cast<unsigned>(shape.input.c);
  launch_dependent(stream, "batchnorm_fold", fold_kernel,
                   {dim3(ceil_div(channels, kThreads)), dim3(kThreads)}, static_cast<int>(channels),
                   static_cast<double>(rows_of(shape)),
                   ChannelStatistics{shape, t.gamma, t.beta, t.mean, t.var},
                   Running{t.running_mean.as<float>(), t.running_var.as<float>(), shape.momentum},
                   t.scale.as<float>(), t.shift.as<float>());
}

}  // namespace

void channel_statistics(Stream& stream, const ConstView& x, const View& mean,
                        const View& variance) {
  const std::int64_t rows = x.elements() / x.shape.c;
  with_element(x.dtype, [&]<class T>(T) {
    take_moments(stream, x.as<T>(), rows, x.shape.c,
                 FinishStatistics<T>{x.as<T>(), static_cast<double>(rows), Running{},
                                     mean.as<float>(), variance.as<float>()});
  });
}

std::size_t channel_statistics_bytes(Stream& stream, const Shape& shape, DType dtype) {
  std::size_t bytes = 0;
  with_element(dtype, [&]<class T>(T) {
    bytes = reduction_bytes<T, Moments>(stream, shape.n * shape.h * shape.w, shape.c);
  });
  return bytes;
}

namespace {

const Twin forward_twin(nn::twins::batchnorm_forward, DeviceKind::cuda, batchnorm_forward);
const Twin inference_forward_twin(nn::twins::batchnorm_inference_forward, DeviceKind::cuda,
                                  batchnorm_inference_forward);
const Twin fold_twin(nn::twins::batchnorm_fold, DeviceKind::cuda, batchnorm_fold);

}  // namespace
}  // namespace paretiny::cuda
