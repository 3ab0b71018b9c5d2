#include "kernels/batchnorm.h"

#include <omp.h>

#include <cmath>

#include "kernels/cpu/elements.h"
#include "kernels/cpu/lanes.h"

namespace paretiny::cpu {
namespace {

/// Elements of a block: what is read twice in a row stays in the second-level cache.
constexpr std::int64_t kBlockElements = 1 << 14;

std::int64_t row_count(const Shape& shape) {
  return shape.n * shape.h * shape.w;
}

/// Tables of a call, shared by the threads, and of each thread.
constexpr std::int64_t kSharedTables = 5;
constexpr std::int64_t kThreadTables = 3;

std::size_t partial_bytes(const RowChunks& chunks, std::int64_t channels) {
  return static_cast<std::size_t>(chunks.count * 2 * channels) * sizeof(double);
}

std::size_t table_bytes(std::int64_t lanes) {
  return static_cast<std::size_t>((kSharedTables + kThreadTables * omp_get_max_threads()) * lanes) *
         sizeof(float);
}

enum class Order { forwards, backwards };

/// The walk over one tensor and its scratch.
struct Walk {
  Walk(Arena& arena, const Shape& shape)
      : channels(shape.c),
        lanes(lanes_of(channels)),
        chunks(row_count(shape), channels),
        block_rows(std::max<std::int64_t>(kBlockElements / channels, 16)),
        scope(arena),
        partials(scope.take(partial_bytes(chunks, channels))),
        tables(static_cast<float*>(scope.take(table_bytes(lanes)))) {}

  /// A chunk's results, of each channel a pair of doubles.
  template <class Pair>
  Pair* partial(std::int64_t chunk) {
    static_assert(sizeof(Pair) == 2 * sizeof(double));
    return static_cast<Pair*>(partials) + chunk * channels;
  }
  float* shared_table(std::int64_t k) { return tables + k * lanes; }
  float* thread_table(std::int64_t k) {
    return tables + (kSharedTables + kThreadTables * omp_get_thread_num() + k) * lanes;
  }

  /// f(chunk, first element, end), over the threads. A second pass goes backwards through each
  /// thread's chunks: what was read last is still in its cache.
  template <class F>
  void for_chunks(Order order, F f) {
#pragma omp parallel if (chunks.count > 1)
    {
      const std::int64_t thread = omp_get_thread_num(), threads = omp_get_num_threads();
      const std::int64_t first = chunks.count * thread / threads;
      const std::int64_t end = chunks.count * (thread + 1) / threads;
      for (std::int64_t i = first; i < end; ++i) {
        const std::int64_t k = order == Order::backwards ? first + end - 1 - i : i;
        f(k, chunks.begin(k) * channels, chunks.begin(k + 1) * channels);
      }
    }
  }

  std::int64_t channels;
  std::int64_t lanes;
  RowChunks chunks;
  std::int64_t block_rows;
  Arena::Scope scope;
  void* partials;
  float* tables;
};

/// Mean and sum of squared deviations of some values.
struct Moments {
  double mean = 0;
  double square = 0;

  /// Adds those of further values (Chan, Golub, LeVeque 1983). share: of the new values in all;
  /// weight: share times the number of the old.
  void merge(const Moments& other, double share, double weight) {
    const double delta = other.mean - mean;
    mean += delta * share;
    square += other.square + delta * delta * weight;
  }
};

/// Moments of elements begin .. end-1, block by block, into the chunk's partial results.
///
/// Deviations are taken from the mean k of the block's first eighth. Whatever the data,
/// (k - mean)^2 <= 7 * variance, so taking (k - mean)^2 off again costs three bits at most, also
/// where the mean is much larger than the deviation.
template <class T>
void chunk_moments(Walk& walk, const T* x, std::int64_t chunk, std::int64_t begin,
                   std::int64_t end) {
  const std::int64_t channels = walk.channels, lanes = walk.lanes;
  float* origin = walk.thread_table(0);
  float* sums = walk.thread_table(1);
  Moments* moments = walk.partial<Moments>(chunk);
  std::fill_n(moments, channels, Moments{});
  double before = 0;
  for (std::int64_t i = begin; i < end; i += walk.block_rows * channels) {
    const std::int64_t rows = std::min(walk.block_rows, (end - i) / channels);
    const std::int64_t eighth = (rows + 7) / 8;
    sum_lanes<1>(i, i + eighth * channels, lanes, sums,
                 [=](std::int64_t k, std::int64_t, auto width, Addends<1>& addends) {
                   load(addends[0], x + k, width);
                 });
    fold(channels, lanes, sums);
    repeat(channels, lanes, origin,
           [=](std::int64_t c) { return sums[c] / static_cast<float>(eighth); });

    sum_lanes<2>(i, i + rows * channels, lanes, sums,
                 [=](std::int64_t k, std::int64_t j, auto width, Addends<2>& addends) {
                   F32x16 value, from;
                   load(value, x + k, width);
                   load(from, origin + j, width);
                   addends[0] = value - from;
                   addends[1] = addends[0] * addends[0];
                 });
    fold(channels, lanes, sums);
    fold(channels, lanes, sums + lanes);
    const auto count = static_cast<double>(rows);
    const double share = count / (before + count);
    for (std::int64_t c = 0; c < channels; ++c) {
      const double shift = sums[c] / count;
      const double square = std::max(0.0, sums[lanes + c] - shift * shift * count);
      moments[c].merge({origin[c] + shift, square}, share, share * before);
    }
    before += count;
  }
}

/// Merges the chunks' moments, in order, into those of the first.
const Moments* all_moments(Walk& walk) {
  Moments* all = walk.partial<Moments>(0);
  for (std::int64_t k = 1; k < walk.chunks.count; ++k) {
    const Moments* more = walk.partial<Moments>(k);
    const auto before = static_cast<double>(walk.chunks.begin(k));
    const double share = 1 - before / static_cast<double>(walk.chunks.begin(k + 1));
    for (std::int64_t c = 0; c < walk.channels; ++c) all[c].merge(more[c], share, share * before);
  }
  return all;
}

/// The activation's input is x * scale + offset, a lane.
struct Affine {
  const float* scale;
  const float* offset;
};

Affine affine(Walk& walk, const BatchNormShape& shape, const float* gamma, const float* beta,
              const float* mean, const float* var) {
  float* scale = walk.shared_table(0);
  float* offset = walk.shared_table(1);
  repeat(walk.channels, walk.lanes, scale, [=, epsilon = shape.epsilon](std::int64_t c) {
    return static_cast<float>(gamma[c] / std::sqrt(double{var[c]} + epsilon));
  });
  repeat(walk.channels, walk.lanes, offset,
         [=](std::int64_t c) { return static_cast<float>(beta[c] - double{mean[c]} * scale[c]); });
  return {scale, offset};
}

void normalise(Walk& walk, Activation activation, const Affine& z, const ConstView& x,
               const View& y) {
  with_element(x.dtype, [&](auto element) {
    using T = decltype(element);
    with_activation(activation, [&](auto fixed) {
      walk.for_chunks(Order::backwards, [&, z](std::int64_t, std::int64_t begin, std::int64_t end) {
        const T* from = x.as<T>();
        T* to = y.as<T>();
        for_lanes(begin, end, walk.lanes, [=](std::int64_t i, std::int64_t j, auto width) {
          F32x16 value, scale, offset;
          load(value, from + i, width);
          load(scale, z.scale + j, width);
          load(offset, z.offset + j, width);
          value = value * scale + offset;
          activate(fixed, value, value);
          store(to + i, value, width);
        });
      });
    });
  });
}

void batchnorm_forward(Stream& stream, const BatchNormShape& shape, ConstView x, ConstView gamma,
                       ConstView beta, View running_mean, View running_var, View saved_mean,
                       View saved_var, View y) {
  Walk walk(stream.scratch(), shape.input);
  with_element(x.dtype, [&](auto element) {
    walk.for_chunks(Order::forwards, [&](std::int64_t chunk, std::int64_t begin, std::int64_t end) {
      chunk_moments(walk, x.as<decltype(element)>(), chunk, begin, end);
    });
  });
  const Moments* moments = all_moments(walk);
  const auto count = static_cast<double>(walk.chunks.rows);
  float* mean = saved_mean.as<float>();
  float* var = saved_var.as<float>();
  const auto blend = [momentum = shape.momentum](float& running, double now) {
    running = static_cast<float>((1.0 - momentum) * running + momentum * now);
  };
  for (std::int64_t c = 0; c < walk.channels; ++c) {
    mean[c] = static_cast<float>(moments[c].mean);
    var[c] = static_cast<float>(moments[c].square / count);
    blend(running_mean.as<float>()[c], moments[c].mean);
    blend(running_var.as<float>()[c], moments[c].square / std::max(count - 1, 1.0));
  }
  normalise(walk, shape.activation,
            affine(walk, shape, gamma.as<float>(), beta.as<float>(), mean, var), x, y);
}

void batchnorm_inference_forward(Stream& stream, const BatchNormShape& shape, ConstView x,
                                 ConstView gamma, ConstView beta, ConstView mean, ConstView var,
                                 View y) {
  Walk walk(stream.scratch(), shape.input);
  normalise(
      walk, shape.activation,
      affine(walk, shape, gamma.as<float>(), beta.as<float>(), mean.as<float>(), var.as<float>()),
      x, y);
}

/// Sums over the rows of dz, the gradient of the activation's input, and of dz * (x - mean).
struct GradientSums {
  double dz = 0;
  double dz_deviation = 0;
};

/// The gradient of the activation's input at lane j, dz = dy * slope(x * scale + offset).
template <Activation kActivation, class Width>
void input_gradient(const Affine& z, const F32x16& x, std::int64_t j, Width width, F32x16& dz) {
  if constexpr (kActivation != Activation::none) {
    F32x16 scale, offset, slope;
    load(scale, z.scale + j, width);
    load(offset, z.offset + j, width);
    activation_slope<F32x16>(kActivation, x * scale + offset, slope);
    dz *= slope;
  }
}

template <Activation kActivation, class T>
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
                   load(value, x + i, width);
                   load(centre, mean + j, width);
                   load(addends[0], dy + i, width);
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
Through finish_sums(Walk& walk, const BatchNormShape& shape, bool constant_statistics,
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

void backward(Stream& stream, const BatchNormShape& shape, bool constant_statistics, ConstView x,
              ConstView dy, ConstView gamma, ConstView beta, ConstView mean_view,
              ConstView var_view, View dx, View dgamma, View dbeta) {
  Walk walk(stream.scratch(), shape.input);
  const float* mean = mean_view.as<float>();
  const float* var = var_view.as<float>();
  const Affine z = affine(walk, shape, gamma.as<float>(), beta.as<float>(), mean, var);
  float* mean_table = walk.shared_table(2);
  repeat(walk.channels, walk.lanes, mean_table, [=](std::int64_t c) { return mean[c]; });
  with_element(x.dtype, [&](auto element) {
    using T = decltype(element);
    with_activation(shape.activation, [&](auto fixed) {
      const T* from = x.as<T>();
      const T* grad = dy.as<T>();
      walk.for_chunks(
          Order::forwards, [&, z](std::int64_t chunk, std::int64_t begin, std::int64_t end) {
            chunk_gradient_sums<fixed()>(walk, z, mean_table, from, grad, chunk, begin, end);
          });
      const Through through = finish_sums(walk, shape, constant_statistics, z.scale, mean, var,
                                          dgamma.as<float>(), dbeta.as<float>());
      walk.for_chunks(
          Order::backwards, [&, z, through](std::int64_t, std::int64_t begin, std::int64_t end) {
            T* to = dx.as<T>();
            for_lanes(begin, end, walk.lanes, [=](std::int64_t i, std::int64_t j, auto width) {
              F32x16 value, dz, scale, slope, constant;
              load(value, from + i, width);
              load(dz, grad + i, width);
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

void batchnorm_backward(Stream& stream, const BatchNormShape& shape, ConstView x, ConstView dy,
                        ConstView gamma, ConstView beta, ConstView saved_mean, ConstView saved_var,
                        View dx, View dgamma, View dbeta) {
  backward(stream, shape, false, x, dy, gamma, beta, saved_mean, saved_var, dx, dgamma, dbeta);
}

void batchnorm_inference_backward(Stream& stream, const BatchNormShape& shape, ConstView x,
                                  ConstView dy, ConstView gamma, ConstView beta, ConstView mean,
                                  ConstView var, View dx, View dgamma, View dbeta) {
  backward(stream, shape, true, x, dy, gamma, beta, mean, var, dx, dgamma, dbeta);
}

std::size_t batchnorm_scratch_bytes(Stream&, const BatchNormShape& shape, DType) {
  const RowChunks chunks(row_count(shape.input), shape.input.c);
  return aligned(partial_bytes(chunks, shape.input.c)) +
         aligned(table_bytes(lanes_of(shape.input.c)));
}

const Twin forward_twin(twins::batchnorm_forward, DeviceKind::cpu, batchnorm_forward);
const Twin backward_twin(twins::batchnorm_backward, DeviceKind::cpu, batchnorm_backward);
const Twin inference_forward_twin(twins::batchnorm_inference_forward, DeviceKind::cpu,
                                  batchnorm_inference_forward);
const Twin inference_backward_twin(twins::batchnorm_inference_backward, DeviceKind::cpu,
                                   batchnorm_inference_backward);
const Twin scratch_twin(twins::batchnorm_scratch_bytes, DeviceKind::cpu, batchnorm_scratch_bytes);

}  // namespace
}  // namespace paretiny::cpu
