// Batch selection and augmentation. A thread makes 16 bytes of x: 4 floats or 8 bf16 of one sample
// from the sample's draw, which every thread computes anew (a hundred integer instructions, less
// than sharing it would cost), and one or two blocks of noise. Reads the samples of the batch and
// writes x, once each.

#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/cuda/vector.h"
#include "kernels/core/host_device.h"
#include "kernels/nn/training/augment.h"

namespace paretiny::cuda {
namespace {

constexpr int kThreads = kBlockThreads;
constexpr int kNoise = 4;  ///< elements of one noise block

template <class From>
struct Batch {
  nn::AugmentSpec spec;
  std::uint64_t key;
  int h, w, c;     ///< of a sample
  std::int64_t n;  ///< samples
  int parts;       ///< threads that share a sample
  bool aligned;    ///< samples of x are whole packs
  const From* samples;
  const std::int32_t* labels;
  const std::int32_t* order;
  const std::int32_t* cursor;
  const float* scale;
  const float* shift;

  /// Elements e .. of the sample, without noise: rotated, cropped, mirrored.
  template <int kCount>
  __device__ void pixels(const nn::AugmentDraw& draw, const From* sample, int e, int count,
                         float (&value)[kCount]) const {
    int channel = e % c, column = e / c % w, row = e / c / w;
    for (int k = 0; k < kCount; ++k) {
      value[k] = 0;
      if (k >= count) continue;
      const std::int64_t y = row + draw.down;
      const std::int64_t u = (draw.mirror ? w - 1 - column : column) + draw.right;
      if (y >= 0 && y < h && u >= 0 && u < w) {
        const auto turned = static_cast<int>((u + draw.turn) % w);
        const std::int64_t pixel = y * w + (turned < 0 ? turned + w : turned);
        value[k] =
            static_cast<float>(sample[pixel * c + channel]) * scale[channel] + shift[channel];
      }
      if (++channel == c) {
        channel = 0;
        if (++column == w) {
          column = 0;
          ++row;
        }
      }
    }
  }
};

/// A thread a pack of a sample's elements, or less at its end. x: [n, h, w, c]; labels_out: [n].
template <class From, class To>
__global__ void gather_kernel(GridDependency earlier, Batch<From> batch, To* x,
                              std::int32_t* labels_out) {
  earlier.wait();
  const std::int64_t thread = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const std::int64_t i = thread / batch.parts;
  const int part = static_cast<int>(thread % batch.parts);
  if (i >= batch.n) return;
  const std::int32_t first = batch.cursor[0];
  const auto epoch = static_cast<std::uint32_t>(batch.cursor[1]);
  const std::int64_t j = batch.order[first + i];
  const auto sample = static_cast<std::uint64_t>(j);
  const int size = batch.h * batch.w * batch.c;
  const int e = part * kPack<To>;
  const int count = min(kPack<To>, size - e);

  Pack<To> pack;
  const nn::AugmentDraw draw = nn::augment_draw(batch.spec, batch.key, sample, epoch, batch.h);
  batch.pixels(draw, batch.samples + j * size, e, count, pack.value);
  if (batch.spec.noise > 0) {
    for (int k = 0; k < kPack<To>; k += kNoise) {
      const auto block = static_cast<std::uint64_t>(1 + (e + k) / kNoise);
      const nn::NormalBlock z =
          nn::normal_block(philox(batch.key, sample, std::uint64_t{epoch} << 32 | block));
      for (int m = 0; m < kNoise; ++m) pack.value[k + m] += batch.spec.noise * z.value[m];
    }
  }
  To* to = x + i * size + e;
  if (batch.aligned) {
    store_pack(to, pack);
  } else {
    store_some(to, pack, count);
  }
  if (part == 0) labels_out[i] = batch.labels[j];
}

void gather_batch(Stream& stream, const nn::AugmentSpec& spec, const nn::BatchGather& t) {
  const Shape& shape = t.x.shape;
  const std::int64_t size = shape.h * shape.w * shape.c;
  const auto gather = [&]<class From>(const From* from) {
    with_element(t.x.dtype, [&]<class To>(To) {
      const std::int64_t parts = ceil_div(size, kPack<To>);
      const Batch<From> batch{spec,
                              random_key(spec.seed, "augment"),
                              static_cast<int>(shape.h),
                              static_cast<int>(shape.w),
                              static_cast<int>(shape.c),
                              shape.n,
                              static_cast<int>(parts),
                              packs(t.x.as<To>(), size),
                              from,
                              t.labels.as<std::int32_t>(),
                              t.order.as<std::int32_t>(),
                              t.cursor.as<std::int32_t>(),
                              t.scale.as<float>(),
                              t.shift.as<float>()};
      const std::int64_t blocks = ceil_div(shape.n * parts, kThreads);
      launch_dependent(stream, "gather_batch", gather_kernel<From, To>,
                       {dim3(static_cast<unsigned>(blocks)), dim3(kThreads)}, batch, t.x.as<To>(),
                       t.labels_out.as<std::int32_t>());
    });
  };
  if (t.samples.dtype == DType::u8) {
    gather(t.samples.as<std::uint8_t>());
  } else {
    gather(t.samples.as<float>());
  }
}

const Twin twin(nn::twins::gather_batch, DeviceKind::cuda, gather_batch);

}  // namespace
}  // namespace paretiny::cuda
