// The padding of x is laid out as its zero point, so that a filter's share of the zero point is the
// same everywhere: sum w * (x - z) + b = sum w * x + (b - z * sum w).
#include <algorithm>
#include <optional>
#include <vector>

#include "base/error.h"
#include "kernels/core/host_device.h"
#include "kernels/core/threads.h"
#include "kernels/int8/cpu/conv.h"
#include "kernels/int8/cpu/row.h"
#include "kernels/nn/cpu/convolution/convolution_check.h"

namespace paretiny::cpu {
namespace {

constexpr std::int64_t kSumsBytes = 1 << 20;  ///< of a part, to stay within a thread's cache
constexpr std::int64_t kMostWeight = (1 << 24) / 256;  ///< of a filter, one sign (conv.h)

/// The convolution of s8 into s32 sums, for a part of the batch.
struct Int8Sums {
  Prepared primitive;  ///< of x, y and w
  Reordering weights;
  std::size_t weight_bytes;  ///< in the primitive's layout
};

struct Part {
  Prepared primitive;
  dnnl::memory::desc weights;
};

/// The convolution of s8 into s32 sums; the window has no padding. `weights`: any layout, or the
/// one that another part has already.
Part prepare_part(const dnnl::engine& engine, const Convolution& c,
                  const dnnl::memory::desc& weights) {
  using Desc = dnnl::memory::desc;
  using Tag = dnnl::memory::format_tag;
  const Shape in = c.input;
  const Shape out = c.output();
  const Desc x({in.n, in.c, in.h, in.w}, dnnl::memory::data_type::s8, Tag::nhwc);
  const Desc y({out.n, out.c, out.h, out.w}, dnnl::memory::data_type::s32, Tag::nhwc);
  const dnnl::memory::dims none{0, 0};
  const auto forward = describe<dnnl::convolution_forward>(
      engine, std::tuple<>(), dnnl::prop_kind::forward_inference,
      dnnl::algorithm::convolution_direct, x, weights, y,
      dnnl::memory::dims{c.window.stride_h, c.window.stride_w}, none, none);
  return {
      Prepared(engine, dnnl::convolution_forward(forward), forward.impl_info_str(),
               forward.scratchpad_desc(),
               {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y}, {DNNL_ARG_WEIGHTS, forward.weights_desc()}}),
      forward.weights_desc()};
}

/// Empty where oneDNN has no such convolution, or computes it wrong.
std::optional<Int8Sums> prepare_sums(const dnnl::engine& engine, const Convolution& c) {
  using Desc = dnnl::memory::desc;
  using Tag = dnnl::memory::format_tag;
  const auto type = dnnl::memory::data_type::s8;
  const dnnl::memory::dims dims{c.out_channels, c.input.c, c.window.kernel_h, c.window.kernel_w};
  const OneThread alone;
  try {
    Part part = prepare_part(engine, c, Desc(dims, type, Tag::any));
    Int8Sums sums{std::move(part.primitive),
                  Reordering(engine, Desc(dims, type, Tag::ohwi), part.weights),
                  part.weights.get_size()};
    sums.primitive.reserve_slots(1);
    std::vector<unsigned char> weights(sums.weight_bytes), pad(sums.primitive.scratchpad_bytes());
    const bool right = computes_int8_right(c, [&](const ConvolutionData& data) {
      void* w = data.w;
      if (sums.weights) sums.weights.run(data.w, w = weights.data());
      sums.primitive.run(0, {data.x, data.y, w}, pad.data());
    });
    if (right) return sums;
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_out_of_memory) {
      throw OutOfMemory("oneDNN has no memory for an int8 convolution of " + to_string(c.input));
    }
  }
  return std::nullopt;
}

/// Empty: loops.
std::optional<Int8Sums>& prepared_sums(Stream& stream, const Convolution& c) {
  const nn::Window& v = c.window;
  const PrimitiveKey key{c.out_channels, c.input.n,  c.input.h,  c.input.w, c.input.c,
                         v.kernel_h,     v.kernel_w, v.stride_h, v.stride_w};
  auto& prepared = stream.keep<KeptPrimitives<std::optional<Int8Sums>>>();
  if (auto* found = prepared.by_key.find(key)) return *found;
  return prepared.by_key.insert(key, prepare_sums(prepared.engine, c));
}

/// to = x with its padding, filled with the zero point.
void pad(ConstView x, const nn::Window& window, std::int8_t zero_point, View to) {
  const Shape in = x.shape;
  const Shape padded = to.shape;
  const std::int64_t row = padded.w * padded.c;
  for (std::int64_t n = 0; n < padded.n; ++n) {
    for (std::int64_t h = 0; h < padded.h; ++h) {
      std::int8_t* out = to.as<std::int8_t>() + (n * padded.h + h) * row;
      const std::int64_t from = h - window.top;
      if (from < 0 || from >= in.h) {
        std::fill_n(out, row, zero_point);
        continue;
      }
      out = std::fill_n(out, window.left * in.c, zero_point);
      out = std::copy_n(x.as<std::int8_t>() + (n * in.h + from) * in.w * in.c, in.w * in.c, out);
      std::fill_n(out, window.right * in.c, zero_point);
    }
  }
}

/// b - zero point * sum of w, a filter.
void fold_zero_point(ConstView w, ConstView b, std::int32_t zero_point, std::int32_t* offsets) {
  const std::int64_t taps = w.elements() / w.shape.n;
  for (std::int64_t o = 0; o < w.shape.n; ++o) {
    const std::int8_t* filter = w.as<std::int8_t>() + o * taps;
    std::int32_t sum = 0;
    for (std::int64_t i = 0; i < taps; ++i) sum += filter[i];
    offsets[o] = (b ? b.as<std::int32_t>()[o] : 0) - zero_point * sum;
  }
}

}  // namespace

bool int8_conv_fits_onednn(ConstView w) {
  const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
  if (isa != dnnl::cpu_isa::avx512_core_vnni && isa != dnnl::cpu_isa::avx512_core_bf16 &&
      isa != dnnl::cpu_isa::avx512_core_amx && isa != dnnl::cpu_isa::avx2_vnni) {
    return false;
  }
  const std::int64_t taps = w.elements() / w.shape.n;
  for (std::int64_t o = 0; o < w.shape.n; ++o) {
    const std::int8_t* filter = w.as<std::int8_t>() + o * taps;
    std::int64_t positive = 0;
    std::int64_t negative = 0;
    for (std::int64_t i = 0; i < taps; ++i) {
      positive += std::max<std::int32_t>(filter[i], 0);
      negative -= std::min<std::int32_t>(filter[i], 0);
    }
    if (std::max(positive, negative) > kMostWeight) return false;
  }
  return true;
}

void int8_conv_onednn(Stream& stream, const nn::ConvShape& shape,
                      const int8::Int8LayerParameters& parameters,
                      const int8::Int8LayerTensors& t) {
  const nn::Window& window = shape.window;
  const Shape in = shape.input;
  const Shape out = shape.output();
  const bool pads = window.top + window.left + window.bottom + window.right > 0;
  const std::int64_t pixels = out.h * out.w;
  Convolution part{
      {in.n, in.h + window.top + window.bottom, in.w + window.left + window.right, in.c},
      out.c,
      {window.kernel_h, window.kernel_w, window.stride_h, window.stride_w},
      DType::i8};
  // Parts of one size; the last begins earlier where too few images are left.
  const std::int64_t samples = std::clamp<std::int64_t>(
      kSumsBytes / (pixels * out.c * 4), 1, samples_of_a_part(part, Direction::forward));
  part.input.n = samples;
  const std::int64_t count = ceil_div(out.n, samples);
  std::optional<Int8Sums>& sums = prepared_sums(stream, part);
  if (!sums) {
    return int8_conv_loops(stream, shape, parameters, t);
  }

  Arena::Scope scratch(stream.scratch());
  auto* offsets = scratch.take(DType::i32, {1, 1, 1, out.c}).as<std::int32_t>();
  fold_zero_point(t.w, t.b, parameters.input_zero_point, offsets);
  const Int8Row row(scratch, offsets, t.multipliers, t.shifts, parameters);
  void* weights = const_cast<void*>(t.w.data);
  if (sums->weights) {
    sums->weights.run(const_cast<void*>(t.w.data), weights = scratch.take(sums->weight_bytes));
  }
  const int threads = static_cast<int>(std::min<std::int64_t>(thread_count(), count));
  sums->primitive.reserve_slots(threads);
  struct Room {
    std::int32_t* sums;
    View padded;
    void* scratchpad;
  };
  std::vector<Room> rooms;
  for (int thread = 0; thread < threads; ++thread) {
    rooms.push_back({scratch.take(DType::i32, {samples, out.h, out.w, out.c}).as<std::int32_t>(),
                     pads ? scratch.take(DType::i8, part.input) : View{},
                     scratch.take(sums->primitive.scratchpad_bytes())});
  }

  run_pieces(count, threads, [&](std::int64_t i) {
    const int thread = thread_index();
    const Room& room = rooms[static_cast<std::size_t>(thread)];
    const std::int64_t first = std::min(i * samples, out.n - samples);
    const std::int8_t* from = t.x.as<std::int8_t>() + first * in.h * in.w * in.c;
    if (pads) {
      pad(view(from, DType::i8, {samples, in.h, in.w, in.c}), window,
          static_cast<std::int8_t>(parameters.input_zero_point), room.padded);
      from = room.padded.as<std::int8_t>();
    }
    sums->primitive.run(thread, {const_cast<std::int8_t*>(from), room.sums, weights},
                        room.scratchpad);
    const std::int64_t known = (i * samples - first) * pixels * out.c;
    row.requantize_pixels(room.sums + known, samples * pixels * out.c - known,
                          t.y.as<std::int8_t>() + first * pixels * out.c + known);
  });
}

}  // namespace paretiny::cpu
