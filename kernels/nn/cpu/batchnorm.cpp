// Training moves three tensors' bytes: x for the statistics, x again and y for the result.
// Inference moves two. An addend is added in a step of its own: this device gains nothing by less.
#include "kernels/core/host_device.h"
#include "kernels/nn/cpu/batchnorm_walk.h"
#include "kernels/nn/cpu/with_activation.h"
#include "kernels/nn/elementwise.h"

namespace paretiny::cpu {
namespace {

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
    const std::int64_t eighth = ceil_div(rows, 8);
    sum_lanes<1>(i, i + eighth * channels, lanes, sums,
                 [=](std::int64_t k, std::int64_t, auto width, Addends<1>& addends) {
                   load_ahead(addends[0], x + k, width);
                 });
    fold(channels, lanes, sums);
    repeat(channels, lanes, origin,
           [=](std::int64_t c) { return sums[c] / static_cast<float>(eighth); });

    sum_lanes<2>(i, i + rows * channels, lanes, sums,
                 [=](std::int64_t k, std::int64_t j, auto width, Addends<2>& addends) {
                   F32x16 value, from;
                   load_ahead(value, x + k, width);
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

void normalise(Walk& walk, nn::Activation activation, const Affine& z, const ConstView& x,
               const View& y) {
  with_element(x.dtype, [&]<class T>(T) {
    with_activation(activation, [&](auto fixed) {
      walk.for_chunks(Order::backwards, [&, z](std::int64_t, std::int64_t begin, std::int64_t end) {
        const T* from = x.as<T>();
        T* to = y.as<T>();
        for_lanes(begin, end, walk.lanes, [=](std::int64_t i, std::int64_t j, auto width) {
          F32x16 value, scale, offset;
          load_ahead(value, from + i, width);
          load(scale, z.scale + j, width);
          load(offset, z.offset + j, width);
          value = value * scale + offset;
          nn::activate(fixed, value, value);
          store(to + i, value, width);
        });
      });
    });
  });
}

/// y = activation(normalised x + addend), where there is one.
void normalise_and_add(Stream& stream, Walk& walk, nn::Activation activation, const Affine& z,
                       const ConstView& x, const ConstView& addend, const View& y) {
  normalise(walk, addend ? nn::Activation::none : activation, z, x, y);
  if (addend) nn::twins::add_forward(stream, activation, y, addend, y);
}

void blend(const nn::BatchNormShape& shape, float& running, double now) {
  running = static_cast<float>((1.0 - shape.momentum) * running + shape.momentum * now);
}

void batchnorm_forward(Stream& stream, const nn::BatchNormShape& shape,
                       const nn::BatchNormForward& t) {
  Walk walk(stream.scratch(), shape.input);
  with_element(t.x.dtype, [&]<class T>(T) {
    walk.for_chunks(Order::forwards, [&](std::int64_t chunk, std::int64_t begin, std::int64_t end) {
      chunk_moments(walk, t.x.as<T>(), chunk, begin, end);
    });
  });
  const Moments* moments = all_moments(walk);
  const auto count = static_cast<double>(walk.chunks.rows);
  float* mean = t.saved_mean.as<float>();
  float* var = t.saved_var.as<float>();
  for (std::int64_t c = 0; c < walk.channels; ++c) {
    mean[c] = static_cast<float>(moments[c].mean);
    var[c] = static_cast<float>(moments[c].square / count);
    blend(shape, t.running_mean.as<float>()[c], moments[c].mean);
    blend(shape, t.running_var.as<float>()[c], moments[c].square / std::max(count - 1, 1.0));
  }
  normalise_and_add(stream, walk, shape.activation,
                    affine(walk, shape, t.gamma.as<float>(), t.beta.as<float>(), mean, var), t.x,
                    t.addend, t.y);
}

void batchnorm_inference_forward(Stream& stream, const nn::BatchNormShape& shape,
                                 const nn::BatchNormInference& t) {
  Walk walk(stream.scratch(), shape.input);
  normalise_and_add(stream, walk, shape.activation,
                    affine(walk, shape, t.gamma.as<float>(), t.beta.as<float>(), t.mean.as<float>(),
                           t.var.as<float>()),
                    t.x, t.addend, t.y);
}

void batchnorm_fold(Stream&, const nn::BatchNormShape& shape, const nn::BatchNormFold& t) {
  const auto count = static_cast<double>(row_count(shape.input));
  for (std::int64_t c = 0; c < shape.input.c; ++c) {
    const float m = t.mean.as<float>()[c];
    const float v = t.var.as<float>()[c];
    const float factor = t.gamma.as<float>()[c] / std::sqrt(v + shape.epsilon);
    t.scale.as<float>()[c] = factor;
    t.shift.as<float>()[c] = t.beta.as<float>()[c] - m * factor;
    if (!t.running_mean) continue;
    blend(shape, t.running_mean.as<float>()[c], m);
    blend(shape, t.running_var.as<float>()[c], v * count / std::max(count - 1, 1.0));
  }
}

std::size_t batchnorm_scratch_bytes(Stream&, const nn::BatchNormShape& shape, DType) {
  const RowChunks chunks(row_count(shape.input), shape.input.c);
  return aligned(partial_bytes(chunks, shape.input.c)) +
         aligned(table_bytes(lanes_of(shape.input.c)));
}

const Twin forward_twin(nn::twins::batchnorm_forward, DeviceKind::cpu, batchnorm_forward);
const Twin inference_forward_twin(nn::twins::batchnorm_inference_forward, DeviceKind::cpu,
                                  batchnorm_inference_forward);
const Twin fold_twin(nn::twins::batchnorm_fold, DeviceKind::cpu, batchnorm_fold);
const Twin scratch_twin(nn::twins::batchnorm_scratch_bytes, DeviceKind::cpu,
                        batchnorm_scratch_bytes);

}  // namespace
}  // namespace paretiny::cpu
