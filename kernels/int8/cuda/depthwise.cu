// int8 depthwise convolution: four taps of a channel at a time (__dp4a). A thread makes kWords * 4
// channels of two pixels: it loads words of four channels at four taps and turns each 4 x 4 square
// of bytes, so that a word holds four taps of one channel; weights are turned once before, by a
// small kernel. Reads x kh * kw / (stride_h * stride_w) times, from the caches mostly, and writes y
// once. 3 x 3 by 16 channels counts about 17 instructions an output, half of a product a tap.
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/host_device.h"
#include "kernels/int8/cuda/bytes.h"
#include "kernels/int8/cuda/window.h"
#include "kernels/int8/int8.h"

namespace paretiny::cuda {
namespace {

constexpr int kThreads = kBlockThreads;
constexpr int kPixels = 2;  ///< of a thread, which share the weights it loads

struct DepthwiseTask : Int8Window {
  int groups;  ///< of four taps
  int packs;   ///< threads that share a pixel
  int zero_point, output_zero_point;
  int8::Int8Range range;
};

/// What the channels need, in an order that lets neighbouring threads read 16 bytes each side by
/// side: channel kWords * 4 * pack + 4 * word + k is element k of int4 [word][pack].
struct Prepared {
  int* taps;  ///< [groups] of the above: four weights of a channel each, zeros behind the last
  int* offsets;
  int* multipliers;
  int* shifts;
};

/// A thread a channel.
__global__ void prepare_kernel(DepthwiseTask task, int words, const std::int8_t* w,
                               const std::int32_t* b, const std::int32_t* multipliers,
                               const std::int32_t* shifts, Prepared to) {
  const int slots = task.packs * words * 4;
  const int channel = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (channel >= slots) return;
  const int pack = channel / (words * 4), word = channel / 4 % words;
  const int slot = (word * task.packs + pack) * 4 + channel % 4;
  const bool used = channel < task.c;
  const int taps = used ? task.kernel_h * task.kernel_w : 0;
  int sum = 0;
  for (int group = 0; group < task.groups; ++group) {
    int weight[4];
    for (int t = 0; t < 4; ++t) {
      const int tap = 4 * group + t;
      weight[t] = tap < taps ? w[std::int64_t{tap} * task.c + channel] : 0;
      sum += weight[t];
    }
    to.taps[std::int64_t{group} * slots + slot] =
        static_cast<int>(word_of(weight[0], weight[1], weight[2], weight[3]));
  }
  to.offsets[slot] = layer_offset(used && b != nullptr ? b[channel] : 0, task.zero_point, sum);
  to.multipliers[slot] = used ? multipliers[channel] : 0;
  to.shifts[slot] = used ? shifts[channel] : 0;
}

/// Rows become columns: byte k of word t goes to byte t of word k.
__device__ void turn(std::uint32_t (&square)[4]) {
  const std::uint32_t low01 = __byte_perm(square[0], square[1], 0x5140);
  const std::uint32_t low23 = __byte_perm(square[2], square[3], 0x5140);
  const std::uint32_t high01 = __byte_perm(square[0], square[1], 0x7362);
  const std::uint32_t high23 = __byte_perm(square[2], square[3], 0x7362);
  square[0] = __byte_perm(low01, low23, 0x5410);
  square[1] = __byte_perm(low01, low23, 0x7632);
  square[2] = __byte_perm(high01, high23, 0x5410);
  square[3] = __byte_perm(high01, high23, 0x7632);
}

/// kWords of four channels; kAligned: read as one access, else byte by byte, `channels` of them.
template <int kWords, bool kAligned>
__device__ void load_channels(const std::int8_t* from, int channels,
                              std::uint32_t (&word)[kWords]) {
  if constexpr (kWords == 4) {
    const Words words = load_words(from);
    for (int k = 0; k < 4; ++k) word[k] = words.word[k];
  } else if constexpr (kAligned) {
    word[0] = *reinterpret_cast<const std::uint32_t*>(from);
  } else {
    int byte[4];
    for (int k = 0; k < 4; ++k) byte[k] = k < channels ? from[k] : 0;
    word[0] = word_of(byte[0], byte[1], byte[2], byte[3]);
  }
}

/// A thread kPixels neighbouring pixels of 4 kWords channels. x: [n, h, w, c]; y: [n, oh, ow, c].
template <int kWords, bool kAligned>
__global__ void depthwise_kernel(DepthwiseTask task, const std::int8_t* x, Prepared prepared,
                                 std::int8_t* y) {
  const std::int64_t thread = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const int pack = static_cast<int>(thread % task.packs);
  const std::int64_t first = thread / task.packs * kPixels;
  if (first >= task.pixels) return;
  const int channel = pack * kWords * 4;
  const int channels = min(kWords * 4, task.c - channel);
  const auto four = [&](const int* values, int row) {
    return reinterpret_cast<const int4*>(values)[std::int64_t{row} * task.packs + pack];
  };

  const std::int8_t* image[kPixels];
  int top[kPixels], left[kPixels];
  for (int p = 0; p < kPixels; ++p) {
    const std::int64_t pixel = min(first + p, task.pixels - 1);
    const std::int64_t row = pixel / task.out_w, n = row / task.out_h;
    image[p] = x + n * task.h * task.w * task.c + channel;
    top[p] = static_cast<int>(row % task.out_h) * task.stride_h - task.top;
    left[p] = static_cast<int>(pixel % task.out_w) * task.stride_w - task.left;
  }

  int sums[kPixels][kWords][4] = {};
  int ky = 0, kx = 0;
  for (int group = 0; group < task.groups; ++group) {
    std::uint32_t squares[kPixels][kWords][4];
    for (int t = 0; t < 4; ++t) {
      for (int p = 0; p < kPixels; ++p) {
        const int iy = top[p] + ky, ix = left[p] + kx;
        std::uint32_t word[kWords];
        // Behind the last tap stand weights of zero, and any bytes will do.
        if (iy >= 0 && iy < task.h && ix >= 0 && ix < task.w) {
          load_channels<kWords, kAligned>(image[p] + (std::int64_t{iy} * task.w + ix) * task.c,
                                          channels, word);
        } else {
          for (std::uint32_t& outside : word) outside = repeated(task.zero_point);
        }
        for (int k = 0; k < kWords; ++k) squares[p][k][t] = word[k];
      }
      if (++kx == task.kernel_w) {
        kx = 0;
        ++ky;
      }
    }
    for (int k = 0; k < kWords; ++k) {
      const int4 weights = four(prepared.taps, group * kWords + k);
      const int weight[4] = {weights.x, weights.y, weights.z, weights.w};
      for (int p = 0; p < kPixels; ++p) {
        turn(squares[p][k]);
        for (int c = 0; c < 4; ++c) {
          sums[p][k][c] =
              dot(squares[p][k][c], static_cast<std::uint32_t>(weight[c]), sums[p][k][c]);
        }
      }
    }
  }

  std::uint32_t result[kPixels][kWords];
  for (int k = 0; k < kWords; ++k) {
    const int4 o = four(prepared.offsets, k), m = four(prepared.multipliers, k),
               s = four(prepared.shifts, k);
    const int offset[4] = {o.x, o.y, o.z, o.w}, multiplier[4] = {m.x, m.y, m.z, m.w},
              shift[4] = {s.x, s.y, s.z, s.w};
    for (int p = 0; p < kPixels; ++p) {
      int q[4];
      for (int c = 0; c < 4; ++c) {
        q[c] = int8::requantize(wrapping_sum(sums[p][k][c], offset[c]), {multiplier[c], shift[c]},
                                task.output_zero_point, task.range);
      }
      result[p][k] = word_of(q[0], q[1], q[2], q[3]);
    }
  }
  for (int p = 0; p < kPixels; ++p) {
    if (first + p >= task.pixels) break;
    std::int8_t* to = y + (first + p) * task.c + channel;
    if constexpr (kWords == 4) {
      store_words(to, {{result[p][0], result[p][1], result[p][2], result[p][3]}});
    } else if constexpr (kAligned) {
      *reinterpret_cast<std::uint32_t*>(to) = result[p][0];
    } else {
      for (int c = 0; c < 4; ++c) {
        if (c < channels) to[c] = static_cast<std::int8_t>(byte_of(result[p][0], c));
      }
    }
  }
}

void depthwise(Stream& stream, const nn::DepthwiseShape& shape,
               const int8::Int8LayerParameters& parameters, const int8::Int8LayerTensors& t) {
  const Shape in = shape.input, out = shape.output();
  const nn::Window& window = shape.window;
  const auto both_read_in = [&](std::int64_t width) {
    return reads_in(width, t.x.data, in.c) && reads_in(width, t.y.data, in.c);
  };
  const int words = both_read_in(16) ? 4 : 1;
  const DepthwiseTask task{{in, out, window},
                           static_cast<int>(ceil_div(window.kernel_h * window.kernel_w, 4)),
                           static_cast<int>(ceil_div(in.c, words * 4)),
                           parameters.input_zero_point,
                           parameters.output_zero_point,
                           parameters.range};
  const std::int64_t slots = std::int64_t{task.packs} * words * 4;
  Arena::Scope scratch(stream.scratch());
  const auto take = [&](std::int64_t rows) {
    return scratch.take(DType::i32, {rows, 1, 1, slots}).as<int>();
  };
  const Prepared prepared{take(task.groups), take(1), take(1), take(1)};
  const auto blocks = [](std::int64_t threads) {
    return dim3(static_cast<unsigned>(ceil_div(threads, kThreads)));
  };
  launch(stream, "int8_depthwise", prepare_kernel, {blocks(slots), dim3(kThreads)}, task, words,
         t.w.as<std::int8_t>(), t.b.as<std::int32_t>(), t.multipliers.as<std::int32_t>(),
         t.shifts.as<std::int32_t>(), prepared);
  const auto kernel = words == 4        ? depthwise_kernel<4, true>
                      : both_read_in(4) ? depthwise_kernel<1, true>
                                        : depthwise_kernel<1, false>;
  const std::int64_t pairs = ceil_div(task.pixels, kPixels);
  launch(stream, "int8_depthwise", kernel, {blocks(pairs * task.packs), dim3(kThreads)}, task,
         t.x.as<std::int8_t>(), prepared, t.y.as<std::int8_t>());
}

const Twin depthwise_twin(int8::twins::int8_depthwise, DeviceKind::cuda, depthwise);

}  // namespace
}  // namespace paretiny::cuda
