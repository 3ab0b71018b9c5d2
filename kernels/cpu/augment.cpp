#include "kernels/augment.h"

#include <algorithm>

#include "kernels/cpu/elements.h"

namespace paretiny::cpu {
namespace {

/// The arguments of a call that every sample shares.
template <class From, class To>
struct Gather {
  AugmentSpec spec;
  Shape shape;  ///< of one sample, n = 1
  const float* scale;
  const float* shift;

  void normalise(const From* from, To* to) const {
    for (std::int64_t c = 0; c < shape.c; ++c) {
      to[c] = from_float<To>(static_cast<float>(from[c]) * scale[c] + shift[c]);
    }
  }

  void pixels(const AugmentDraw& draw, const From* from, To* to) const {
    for (std::int64_t row = 0; row < shape.h; ++row) {
      for (std::int64_t column = 0; column < shape.w; ++column, to += shape.c) {
        const std::int64_t h = row + draw.down;
        const std::int64_t u = (draw.mirror ? shape.w - 1 - column : column) + draw.right;
        if (h < 0 || h >= shape.h || u < 0 || u >= shape.w) {
          std::fill_n(to, shape.c, from_float<To>(0));
          continue;
        }
        const std::int64_t turned = (u + draw.turn) % shape.w;
        const std::int64_t w = turned < 0 ? turned + shape.w : turned;
        normalise(from + (h * shape.w + w) * shape.c, to);
      }
    }
  }

  void add_noise(std::uint64_t key, std::uint64_t sample, std::uint64_t epoch, To* to) const {
    const std::int64_t count = shape.elements();
    for (std::int64_t e = 0; e < count; e += 4) {
      const std::uint64_t counter = epoch << 32 | static_cast<std::uint64_t>(1 + e / 4);
      const NormalBlock z = normal_block(philox(key, sample, counter));
      for (std::int64_t k = 0; k < std::min<std::int64_t>(4, count - e); ++k) {
        to[e + k] = from_float<To>(to_float(to[e + k]) + spec.noise * z.value[k]);
      }
    }
  }
};

void gather_batch(Stream&, const AugmentSpec& spec, ConstView samples, ConstView labels,
                  ConstView order, ConstView cursor, ConstView scale, ConstView shift, View x,
                  View labels_out) {
  const std::int32_t* indices = order.as<std::int32_t>() + cursor.as<std::int32_t>()[0];
  const auto epoch = static_cast<std::uint32_t>(cursor.as<std::int32_t>()[1]);
  const std::uint64_t key = random_key(spec.seed, "augment");
  Shape shape = samples.shape;
  shape.n = 1;
  const auto run = [&](auto source, auto element) {
    using From = decltype(source);
    using To = decltype(element);
    const Gather<From, To> gather{spec, shape, scale.as<float>(), shift.as<float>()};
#pragma omp parallel for schedule(static) if (x.elements() >= kParallelElements)
    for (std::int64_t i = 0; i < x.shape.n; ++i) {
      const std::int64_t j = indices[i];
      const auto sample = static_cast<std::uint64_t>(j);
      To* to = x.as<To>() + i * shape.elements();
      gather.pixels(augment_draw(spec, key, sample, epoch, shape.h),
                    samples.as<From>() + j * shape.elements(), to);
      if (spec.noise > 0) gather.add_noise(key, sample, epoch, to);
      labels_out.as<std::int32_t>()[i] = labels.as<std::int32_t>()[j];
    }
  };
  with_element(x.dtype, [&](auto element) {
    if (samples.dtype == DType::u8) {
      run(std::uint8_t{}, element);
    } else {
      run(float{}, element);
    }
  });
}

const Twin twin(twins::gather_batch, DeviceKind::cpu, gather_batch);

}  // namespace
}  // namespace paretiny::cpu
