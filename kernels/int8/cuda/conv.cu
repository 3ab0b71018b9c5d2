// int8 convolution as a product of two matrices: windows [pixels of y, taps] and filters
// [c_out, taps], taps = kh * kw * c_in, four bytes at a time (__dp4a) into int32.
//
// A block of 256 threads makes kRows pixels x kColumns channels of y, a thread 4 x 4 of them. It
// walks over the taps in chunks of 64 bytes: the next chunk is on its way from memory to registers
// while this one, in shared memory, is multiplied. 64 pixels x 64 channels read each byte of x
// c_out / 64 times and each filter pixels / 64 times, from the caches mostly; few channels are
// 256 x 16. Padding is loaded as the zero point, so that its part in a sum is zero point * sum of
// the weights everywhere (layer_offset).
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/cuda/shared.h"
#include "kernels/core/host_device.h"
#include "kernels/int8/cuda/bytes.h"
#include "kernels/int8/cuda/window.h"
#include "kernels/int8/int8.h"

namespace paretiny::cuda {
namespace {

constexpr int kThreads = 256;  ///< 16 x 16 times the 4 x 4 of a thread are a tile of 64 x 64
constexpr int kEach = 4;       ///< pixels and channels of a thread
constexpr int kChunk = 4;      ///< Words of 16 bytes of a row in shared memory
constexpr int kChunkBytes = 16 * kChunk;

struct ConvTask : Int8Window {
  int out_c;
  int taps;  ///< bytes of a filter
  int zero_point, output_zero_point;
  int8::Int8Range range;
  bool stores_words;  ///< four channels of y can be written at once
};

/// Where a pixel's window begins.
struct Corner {
  const std::int8_t* image;
  int y, x;
};

__device__ Corner corner_of(const ConvTask& task, const std::int8_t* x, std::int64_t pixel) {
  if (pixel >= task.pixels) return {x, task.h, 0};  // all of it outside
  const std::int64_t row = pixel / task.out_w, n = row / task.out_h;
  return {x + n * task.h * task.w * task.c,
          static_cast<int>(row % task.out_h) * task.stride_h - task.top,
          static_cast<int>(pixel % task.out_w) * task.stride_w - task.left};
}

/// A position of the window in the image; null outside.
__device__ const std::int8_t* position(const ConvTask& task, const Corner& corner, int ky, int kx) {
  const int y = corner.y + ky, x = corner.x + kx;
  const bool inside = ky < task.kernel_h && y >= 0 && y < task.h && x >= 0 && x < task.w;
  return inside ? corner.image + (std::int64_t{y} * task.w + x) * task.c : nullptr;
}

/// kBytes at `from` become bytes i .. of the words.
template <int kBytes>
__device__ void insert(Words& words, int i, const std::int8_t* from) {
  if constexpr (kBytes == 16) {
    words = load_words(from);
  } else if constexpr (kBytes == 4) {
    words.word[i / 4] = *reinterpret_cast<const std::uint32_t*>(from);
  } else {
    const int shift = 8 * (i % 4);
    words.word[i / 4] &= ~(0xFFu << shift);
    words.word[i / 4] |= (static_cast<std::uint32_t>(*from) & 0xFF) << shift;
  }
}

/// Taps `first` .. first + 15 of a window, loaded kBytes at a time: what c_in is a multiple of.
template <int kBytes>
__device__ Words load_window(const ConvTask& task, const Corner& corner, int first) {
  const int tap = first / task.c;
  int channel = first - tap * task.c, ky = tap / task.kernel_w, kx = tap - ky * task.kernel_w;
  const std::int8_t* from = position(task, corner, ky, kx);
  const std::uint32_t outside = repeated(task.zero_point);
  Words words{{outside, outside, outside, outside}};
  for (int i = 0; i < 16; i += kBytes, channel += kBytes) {
    if (channel == task.c) {
      channel = 0;
      if (++kx == task.kernel_w) {
        kx = 0;
        ++ky;
      }
      from = position(task, corner, ky, kx);
    }
    if (from != nullptr) insert<kBytes>(words, i, from + channel);
  }
  return words;
}

/// The same of a filter, zeros behind its end; a null filter is zeros.
template <int kBytes>
__device__ Words load_filter(const std::int8_t* filter, int first, int taps) {
  Words words{};
  if (filter == nullptr) return words;
  for (int i = 0; i < 16; i += kBytes) {
    if (first + i < taps) insert<kBytes>(words, i, filter + first + i);
  }
  return words;
}

/// A row of shared memory has one more Words: neighbours then begin in other banks.
template <int kColumns>
struct ConvShared {
  static constexpr int kRows = kThreads * kEach * kEach / kColumns;
  alignas(16) Words windows[kRows][kChunk + 1];
  alignas(16) Words filters[kColumns][kChunk + 1];
  int offsets[kColumns];
};

/// A block a tile of pixels x kColumns channels. x: [n, h, w, c_in]; w: [c_out, kh, kw, c_in]; b,
/// multipliers, shifts: [c_out]; y: [n, oh, ow, c_out].
template <int kBytes, int kColumns>
__global__ void __launch_bounds__(kThreads, 2)
    conv_kernel(ConvTask task, const std::int8_t* x, const std::int8_t* w, const std::int32_t* b,
                const std::int32_t* multipliers, const std::int32_t* shifts, std::int8_t* y) {
  using Shared = ConvShared<kColumns>;
  constexpr int kAcross = kColumns / kEach;     // threads along the channels
  constexpr int kDown = Shared::kRows / kEach;  // and along the pixels
  constexpr int kLoaders = kThreads / kChunk;   // rows that are loaded at once
  constexpr int kLoads = Shared::kRows / kLoaders;
  static_assert(kColumns <= kLoaders && kAcross * kDown == kThreads);
  auto& shared = shared_memory<Shared>();
  const int thread = static_cast<int>(threadIdx.x);
  const std::int64_t first_pixel = std::int64_t{blockIdx.x} * Shared::kRows;
  const int first_channel = static_cast<int>(blockIdx.y) * kColumns;

  // As a loader: Words `part` of a chunk, of some windows and one filter.
  const int part = thread % kChunk, loader = thread / kChunk;
  Corner corners[kLoads];
  for (int i = 0; i < kLoads; ++i) {
    corners[i] = corner_of(task, x, first_pixel + loader + i * kLoaders);
  }
  const int channel = first_channel + loader;
  const std::int8_t* filter =
      loader < kColumns && channel < task.out_c ? w + std::int64_t{channel} * task.taps : nullptr;
  // Filters 4 i + j lie in row j * kAcross + i: threads beside each other then read rows beside
  // each other and write channels beside each other.
  const int filter_row = loader % kEach * kAcross + loader / kEach;
  Words windows[kLoads], taps;
  int weights = 0;
  const auto load = [&](int first) {
#pragma unroll  // what is indexed by a variable lies in local memory
    for (int i = 0; i < kLoads; ++i) {
      windows[i] = load_window<kBytes>(task, corners[i], first + part * 16);
    }
    taps = load_filter<kBytes>(filter, first + part * 16, task.taps);
  };

  // As a multiplier: pixels down + i * kDown, channels 4 * across + j.
  const int across = thread % kAcross, down = thread / kAcross;
  int sums[kEach][kEach] = {};

  load(0);
  for (int first = 0; first < task.taps; first += kChunkBytes) {
    __syncthreads();
    for (int i = 0; i < kLoads; ++i) shared.windows[loader + i * kLoaders][part] = windows[i];
    if (loader < kColumns) shared.filters[filter_row][part] = taps;
    for (const std::uint32_t word : taps.word) weights = dot(word, 0x01010101u, weights);
    __syncthreads();
    if (first + kChunkBytes < task.taps) load(first + kChunkBytes);
    const int parts = min(kChunk, ceil_div(task.taps - first, 16));
    for (int p = 0; p < parts; ++p) {
      Words a[kEach], f[kEach];
      for (int i = 0; i < kEach; ++i) a[i] = shared.windows[down + i * kDown][p];
      for (int j = 0; j < kEach; ++j) f[j] = shared.filters[across + j * kAcross][p];
      for (int k = 0; k < 4; ++k) {
        for (int i = 0; i < kEach; ++i) {
          for (int j = 0; j < kEach; ++j) sums[i][j] = dot(a[i].word[k], f[j].word[k], sums[i][j]);
        }
      }
    }
  }

  for (int distance = 1; distance < kChunk; distance *= 2) {
    weights = wrapping_sum(weights, __shfl_xor_sync(kAllLanes, weights, distance));
  }
  if (filter != nullptr && part == 0) {
    shared.offsets[loader] = layer_offset(b != nullptr ? b[channel] : 0, task.zero_point, weights);
  }
  __syncthreads();

  const int mine = first_channel + kEach * across;
  const int count = min(kEach, task.out_c - mine);
  for (int i = 0; i < kEach; ++i) {
    const std::int64_t pixel = first_pixel + down + i * kDown;
    if (pixel >= task.pixels) break;
    std::int8_t* to = y + pixel * task.out_c + mine;
    int q[kEach] = {};
    for (int j = 0; j < kEach; ++j) {
      if (j >= count) break;
      q[j] = int8::requantize(wrapping_sum(sums[i][j], shared.offsets[kEach * across + j]),
                              {multipliers[mine + j], shifts[mine + j]}, task.output_zero_point,
                              task.range);
    }
    if (task.stores_words && count == kEach) {
      *reinterpret_cast<std::uint32_t*>(to) = word_of(q[0], q[1], q[2], q[3]);
    } else {
      for (int j = 0; j < kEach; ++j) {
        if (j < count) to[j] = static_cast<std::int8_t>(q[j]);
      }
    }
  }
}

template <int kColumns>
void run(Stream& stream, int bytes, const ConvTask& task, const int8::Int8LayerTensors& t) {
  using Shared = ConvShared<kColumns>;
  const auto kernel = bytes == 16  ? conv_kernel<16, kColumns>
                      : bytes == 4 ? conv_kernel<4, kColumns>
                                   : conv_kernel<1, kColumns>;
  const dim3 blocks(static_cast<unsigned>(ceil_div(task.pixels, Shared::kRows)),
                    static_cast<unsigned>(ceil_div(task.out_c, kColumns)));
  launch(stream, "int8_conv", kernel, {blocks, dim3(kThreads), sizeof(Shared)}, task,
         t.x.as<std::int8_t>(), t.w.as<std::int8_t>(), t.b.as<std::int32_t>(),
         t.multipliers.as<std::int32_t>(), t.shifts.as<std::int32_t>(), t.y.as<std::int8_t>());
}

void conv(Stream& stream, const nn::ConvShape& shape, const int8::Int8LayerParameters& parameters,
          const int8::Int8LayerTensors& t) {
  const Shape in = shape.input, out = shape.output();
  const ConvTask task{{in, out, shape.window},
                      static_cast<int>(out.c),
                      static_cast<int>(shape.weights().elements() / out.c),
                      parameters.input_zero_point,
                      parameters.output_zero_point,
                      parameters.range,
                      reads_in(4, t.y.data, out.c)};
  const auto both_read_in = [&](std::int64_t width) {
    return reads_in(width, t.x.data, in.c) && reads_in(width, t.w.data, in.c);
  };
  const int bytes = both_read_in(16) ? 16 : both_read_in(4) ? 4 : 1;
  // Narrow tiles where wide ones would compute more than a third of their channels in vain.
  const std::int64_t narrow = round_up(out.c, 16), wide = round_up(out.c, 64);
  const auto way = wide * 3 > narrow * 4 ? run<16> : run<64>;
  way(stream, bytes, task, t);
}

const Twin conv_twin(int8::twins::int8_conv, DeviceKind::cuda, conv);

}  // namespace
}  // namespace paretiny::cuda
