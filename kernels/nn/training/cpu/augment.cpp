// Reads the samples of a batch once, 1 or 4 bytes an element, and writes it once, 2 or 4 bytes.
#include "kernels/nn/training/augment.h"

#include <Eigen/Core>
#include <algorithm>

#include "kernels/core/cpu/elements.h"
#include "kernels/core/threads.h"

namespace paretiny::cpu {
namespace {

/// What every sample of a call shares.
struct Gather {
  nn::AugmentSpec spec;
  std::uint64_t key;
  std::uint32_t epoch;
  Shape shape;  ///< of one sample, n = 1
  const float* scale;
  const float* shift;

  /// The sample normalised, rotated, cropped and mirrored.
  template <class From>
  void pixels(const nn::AugmentDraw& draw, const From* from, float* to) const {
    for (std::int64_t row = 0; row < shape.h; ++row) {
      for (std::int64_t column = 0; column < shape.w; ++column, to += shape.c) {
        const std::int64_t h = row + draw.down;
        const std::int64_t u = (draw.mirror ? shape.w - 1 - column : column) + draw.right;
        if (h < 0 || h >= shape.h || u < 0 || u >= shape.w) {
          std::fill_n(to, shape.c, 0.0f);
          continue;
        }
        const std::int64_t turned = (u + draw.turn) % shape.w;
        const std::int64_t w = turned < 0 ? turned + shape.w : turned;
        const From* pixel = from + (h * shape.w + w) * shape.c;
        for (std::int64_t c = 0; c < shape.c; ++c) {
          to[c] = static_cast<float>(pixel[c]) * scale[c] + shift[c];
        }
      }
    }
  }

  /// Adds what nn::normal_block makes of the blocks, several blocks at a time: one by one,
  /// logarithms and sines were a sixth of the training of small networks on time series.
  void add_noise(std::uint64_t sample, float* to) const {
    constexpr std::int64_t kBlocks = 32;
    using Pairs = Eigen::Array<float, 2 * kBlocks, 1>;
    const std::int64_t count = shape.elements();
    for (std::int64_t e = 0; e < count; e += 4 * kBlocks) {
      Pairs first, second;
      for (std::int64_t b = 0; b < kBlocks; ++b) {
        const auto block = static_cast<std::uint64_t>(1 + e / 4 + b);
        const PhiloxBlock r = philox(key, sample, std::uint64_t{epoch} << 32 | block);
        for (std::int64_t pair = 0; pair < 2; ++pair) {
          first[2 * b + pair] = unit_float(r.word[2 * pair]);
          second[2 * b + pair] = unit_float(r.word[2 * pair + 1]);
        }
      }
      const Pairs radius = spec.noise * (-2 * (1 - first).log()).max(0.0f).sqrt();
      const Pairs angle = 6.28318530718f * second;
      const Pairs values[] = {radius * angle.cos(), radius * angle.sin()};
      const std::int64_t size = std::min(4 * kBlocks, count - e);
      for (std::int64_t k = 0; k < size; ++k) to[e + k] += values[k % 2][k / 2];
    }
  }

  /// Sample j of `samples` as it enters the batch.
  template <class From>
  void sample(const From* samples, std::int64_t j, float* to) const {
    const auto index = static_cast<std::uint64_t>(j);
    pixels(nn::augment_draw(spec, key, index, epoch, shape.h), samples + j * shape.elements(), to);
    if (spec.noise > 0) add_noise(index, to);
  }
};

void gather_batch(Stream& stream, const nn::AugmentSpec& spec, const nn::BatchGather& t) {
  const std::int32_t* indices = t.order.as<std::int32_t>() + t.cursor.as<std::int32_t>()[0];
  const Gather gather{spec,
                      random_key(spec.seed, "augment"),
                      static_cast<std::uint32_t>(t.cursor.as<std::int32_t>()[1]),
                      {1, t.x.shape.h, t.x.shape.w, t.x.shape.c},
                      t.scale.as<float>(),
                      t.shift.as<float>()};
  const std::int64_t size = gather.shape.elements();
  // Each thread makes a sample in f32, so that it is rounded to x's type once.
  Arena::Scope scratch(stream.scratch());
  float* buffers = scratch.take(DType::f32, {thread_count(), 1, 1, size}).as<float>();
  parallel_for(t.x.shape.n, t.x.elements() >= kParallelElements, [&](std::int64_t i) {
    const std::int64_t j = indices[i];
    float* buffer = buffers + thread_index() * size;
    if (t.samples.dtype == DType::u8) {
      gather.sample(t.samples.as<std::uint8_t>(), j, buffer);
    } else {
      gather.sample(t.samples.as<float>(), j, buffer);
    }
    with_element(t.x.dtype, [&]<class T>(T) {
      std::transform(buffer, buffer + size, t.x.as<T>() + i * size, from_float<T>);
    });
    t.labels_out.as<std::int32_t>()[i] = t.labels.as<std::int32_t>()[j];
  });
}

const Twin twin(nn::twins::gather_batch, DeviceKind::cpu, gather_batch);

}  // namespace
}  // namespace paretiny::cpu
