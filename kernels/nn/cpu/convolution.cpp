#include "kernels/nn/cpu/convolution.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/error.h"
#include "kernels/core/cpu/elements.h"
#include "kernels/core/host_device.h"
#include "kernels/core/threads.h"
#include "kernels/nn/cpu/convolution_check.h"
#include "kernels/nn/cpu/convolution_loops.h"
#include "kernels/nn/cpu/convolution_primitive.h"

namespace paretiny::cpu {
namespace {

using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;
using Type = dnnl::memory::data_type;

constexpr std::int64_t kPartProducts = 1 << 21;  ///< about 0.1 ms: a part worth a thread's waking
constexpr std::int64_t kMostParts = 32;
constexpr std::int64_t kMostPartialBytes = 128 << 20;  ///< of weight gradients, all parts together

std::int64_t weight_count(const Convolution& c) {
  return c.out_channels * c.taps() * c.input.c;
}

template <class From, class To>
void convert(const From* from, std::int64_t count, To* to) {
  by_vectors(count, [=](std::int64_t i, auto width) {
    F32x16 values;
    load(values, from + i, width);
    store(to + i, values, width);
  });
}

/// to[i] = the sum over the parts, in their order, of from[part * stride + i].
void add_parts(const float* from, std::int64_t count, std::int64_t stride, std::int64_t parts,
               float* to) {
  for_elements(count, [=](std::int64_t i, auto width) {
    F32x16 sum;
    load(sum, from + i, width);
    for (std::int64_t part = 1; part < parts; ++part) {
      F32x16 next;
      load(next, from + part * stride + i, width);
      sum += next;
    }
    store(to + i, sum, width);
  });
}

/// Whether oneDNN must not even be asked. Its code for SSE4.1 alone reads biases and sums where
/// they lie, at multiples of 16 bytes or not at all, and ours lie anywhere. Without AVX-512 it
/// gathers the pixels that a strided window of one pixel meets in whole vectors, and writes beyond
/// its scratchpad where the channels fill none (its issue 6035).
bool is_not_for_onednn(const Convolution& c) {
  const Window& v = c.window;
  const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
  if (isa == dnnl::cpu_isa::sse41) return true;
  const bool lesser =
      isa == dnnl::cpu_isa::avx || isa == dnnl::cpu_isa::avx2 || isa == dnnl::cpu_isa::avx2_vnni;
  return lesser && c.taps() == 1 && v.stride_h * v.stride_w > 1 && c.input.c % 8 != 0;
}

char* at(void* data, std::int64_t bytes) {
  return static_cast<char*>(data) + bytes;
}

std::size_t floats(std::int64_t count) {
  return static_cast<std::size_t>(count) * sizeof(float);
}

/// oneDNN takes what it only reads by a pointer to non-const, too.
void* read(ConstView input) {
  return const_cast<void*>(input.data);
}

}  // namespace

std::int64_t samples_of_a_part(const Convolution& c, Direction direction) {
  const std::int64_t products = c.output().elements() * c.taps() * c.input.c;
  std::int64_t parts = std::clamp<std::int64_t>(products / kPartProducts, 1, kMostParts);
  if (direction == Direction::backward_weights) {
    parts = std::min(parts, std::max<std::int64_t>(kMostPartialBytes / (4 * weight_count(c)), 1));
  }
  // A power of two: most batches are, and most numbers of threads.
  parts = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(parts)));
  return ceil_div(c.input.n, parts);
}

PreparedConvolution::PreparedConvolution(const dnnl::engine& engine, const Convolution& convolution,
                                         Direction direction, bool bias)
    : convolution_(convolution), direction_(direction), bias_(bias) {
  // oneDNN's bf16 weight gradient of a single input channel is up to thirty times slower than f32.
  const bool widened = direction == Direction::backward_weights && convolution.input.c == 1;
  for (const DType computed : {DType::bf16, DType::f32}) {
    if (computed == DType::bf16 && (convolution.activations == DType::f32 || widened)) continue;
    parts_ = prepare_parts(engine, computed);
    if (!parts_) continue;
    // What f32 falls back on takes no scratch: it can be proven when it first runs, if ever.
    if (computed == DType::f32 || prove()) return;
  }
}

/// Whether what oneDNN prepared is right; where it is not, nothing is prepared any more.
bool PreparedConvolution::prove() {
  if (!proven_ && parts_ && !is_right(*parts_)) parts_.reset();
  proven_ = parts_.has_value();
  return proven_;
}

std::optional<PreparedConvolution::Parts> PreparedConvolution::prepare_parts(
    const dnnl::engine& engine, DType computed) const {
  const Convolution& c = convolution_;
  if (is_not_for_onednn(c)) return std::nullopt;
  const OneThread alone;
  const std::int64_t samples = samples_of_a_part(c, direction_);
  const std::int64_t last = c.input.n % samples;
  // The sum over all pixels is kept in f32 whatever the activations are.
  const Type type = sums() ? Type::f32 : type_of(computed);
  const dnnl::memory::dims dims{c.out_channels, c.input.c, c.window.kernel_h, c.window.kernel_w};
  const Desc ours(dims, Type::f32, Tag::ohwi);
  const auto prepare = [&](std::int64_t count, const Desc& weights) {
    return prepare_part(engine, c, count, direction_, bias_, computed, weights);
  };
  try {
    Part body = prepare(samples, Desc(dims, type, Tag::any));
    std::optional<Prepared> tail;
    if (last != 0) tail = prepare(last, body.weights).primitive;
    Reordering weights =
        sums() ? Reordering(engine, body.weights, ours) : Reordering(engine, ours, body.weights);
    return Parts{computed,
                 samples,
                 last,
                 std::move(body.primitive),
                 std::move(tail),
                 std::move(weights),
                 aligned(body.weights.get_size())};
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_out_of_memory) {
      throw OutOfMemory("oneDNN has no memory for a convolution of " + to_string(c.input));
    }
    return std::nullopt;
  }
}

/// Scratch is NaN: what was never written must not be read. Behind it lies as much as a primitive
/// that takes its few channels for a whole vector would write.
bool PreparedConvolution::is_right(Parts& parts) const {
  constexpr unsigned char kNan = 0xFF, kBeyond = 0xFE;
  Convolution few = convolution_;
  few.input.n = parts.samples + parts.last;
  const std::size_t bytes = scratch_bytes(parts, few.input.n, 1);
  // The scratchpad is what lies last.
  const std::size_t used = bytes - aligned(scratchpad_bytes(parts)) + scratchpad_bytes(parts);
  const std::size_t beyond = std::min<std::size_t>(16 * thread_bytes(parts), 1 << 20) + (1 << 16);
  Arena arena(Device{});
  arena.reserve(bytes + beyond);
  unsigned char* memory = nullptr;
  const bool right = computes_right(few, direction_, bias_, [&](const ConvolutionData& data) {
    {
      Arena::Scope scope(arena);
      memory = static_cast<unsigned char*>(scope.take(bytes + beyond));
    }
    std::memset(memory, kNan, bytes);
    std::memset(memory + used, kBeyond, bytes + beyond - used);
    run_parts(parts, arena, few.input.n, 1, data);
  });
  return right && std::all_of(memory + used, memory + bytes + beyond,
                              [](unsigned char byte) { return byte == kBeyond; });
}

std::size_t PreparedConvolution::scratchpad_bytes(const Parts& parts) {
  const std::size_t tail = parts.tail ? parts.tail->scratchpad_bytes() : 0;
  return std::max(parts.body.scratchpad_bytes(), tail);
}

/// Of x and y in the primitive's type, where that is not theirs.
std::size_t PreparedConvolution::converted_bytes(const Parts& parts) const {
  if (parts.computed == convolution_.activations) return 0;
  Convolution part = convolution_;
  part.input.n = parts.samples;
  return aligned(floats(part.input.elements())) + aligned(floats(part.output().elements()));
}

/// Scratch of one thread: what is converted, and the scratchpad behind it.
std::size_t PreparedConvolution::thread_bytes(const Parts& parts) const {
  return converted_bytes(parts) + aligned(scratchpad_bytes(parts));
}

std::int64_t PreparedConvolution::part_count(const Parts& parts, std::int64_t samples) const {
  return ceil_div(samples, parts.samples);
}

std::size_t PreparedConvolution::scratch_bytes(const Parts& parts, std::int64_t samples,
                                               int threads) const {
  const auto count = static_cast<std::size_t>(part_count(parts, samples));
  const bool adds = sums() && count > 1;
  std::size_t bytes = static_cast<std::size_t>(threads) * thread_bytes(parts);
  if (adds || parts.weights) bytes += (adds ? count : 1) * parts.weight_bytes;
  if (adds && bias_) bytes += count * aligned(floats(convolution_.out_channels));
  return bytes;
}

std::size_t PreparedConvolution::scratch_bytes() const {
  return parts_ ? scratch_bytes(*parts_, convolution_.input.n, thread_count_of(*parts_)) : 0;
}

/// At most so many threads work on it.
int PreparedConvolution::thread_count_of(const Parts& parts) const {
  return static_cast<int>(
      std::min<std::int64_t>(thread_count(), part_count(parts, convolution_.input.n)));
}

/// Samples first .. first + count - 1 of `data`; w and b are the part's own.
void PreparedConvolution::run_part(Parts& parts, std::int64_t first, std::int64_t count, int slot,
                                   const ConvolutionData& data, char* scratch) const {
  const DType type = convolution_.activations;
  Convolution part = convolution_;
  part.input.n = count;
  const std::int64_t x_count = part.input.elements(), y_count = part.output().elements();
  const auto size = static_cast<std::int64_t>(size_of(type));
  void* x = at(data.x, first * (x_count / count) * size);
  void* y = at(data.y, first * (y_count / count) * size);
  Prepared& primitive = count == parts.samples ? parts.body : *parts.tail;
  void* const scratchpad = scratch + converted_bytes(parts);
  if (parts.computed == type) {
    primitive.run(slot, {x, y, data.w, data.b}, scratchpad);
    return;
  }
  auto* const wide_x = reinterpret_cast<float*>(scratch);
  auto* const wide_y = reinterpret_cast<float*>(scratch + aligned(floats(x_count)));
  if (direction_ != Direction::backward_data) convert(static_cast<bf16*>(x), x_count, wide_x);
  if (direction_ != Direction::forward) convert(static_cast<bf16*>(y), y_count, wide_y);
  primitive.run(slot, {wide_x, wide_y, data.w, data.b}, scratchpad);
  if (direction_ == Direction::backward_data) convert(wide_x, x_count, static_cast<bf16*>(x));
  if (direction_ == Direction::forward) convert(wide_y, y_count, static_cast<bf16*>(y));
}

void PreparedConvolution::run_parts(Parts& parts, Arena& arena, std::int64_t samples, int threads,
                                    const ConvolutionData& data) const {
  const std::int64_t count = part_count(parts, samples);
  Arena::Scope scratch(arena);
  ConvolutionData mine = data;
  const bool adds = sums() && count > 1;
  if (parts.weights || adds) {
    mine.w = scratch.take((adds ? static_cast<std::size_t>(count) : 1) * parts.weight_bytes);
  }
  const std::size_t bias_bytes = aligned(floats(convolution_.out_channels));
  if (bias_ && adds) mine.b = scratch.take(static_cast<std::size_t>(count) * bias_bytes);
  if (!sums() && parts.weights) parts.weights.run(data.w, mine.w);
  const std::size_t room = thread_bytes(parts);
  char* const rooms = static_cast<char*>(scratch.take(static_cast<std::size_t>(threads) * room));
  parts.body.reserve_slots(threads);
  if (parts.tail) parts.tail->reserve_slots(threads);
  run_pieces(count, threads, [&](std::int64_t part) {
    const int slot = thread_index();
    const std::int64_t first = part * parts.samples;
    ConvolutionData own = mine;
    if (adds) own.w = at(mine.w, part * static_cast<std::int64_t>(parts.weight_bytes));
    if (adds && bias_) own.b = at(mine.b, part * static_cast<std::int64_t>(bias_bytes));
    run_part(parts, first, std::min(parts.samples, samples - first), slot, own,
             rooms + static_cast<std::size_t>(slot) * room);
  });
  if (adds) {
    const auto stride = static_cast<std::int64_t>(parts.weight_bytes / sizeof(float));
    void* const to = parts.weights ? mine.w : data.w;
    add_parts(static_cast<float*>(mine.w), parts.weights ? stride : weight_count(convolution_),
              stride, count, static_cast<float*>(to));
    if (bias_) {
      add_parts(static_cast<float*>(mine.b), convolution_.out_channels,
                static_cast<std::int64_t>(bias_bytes / sizeof(float)), count,
                static_cast<float*>(data.b));
    }
  }
  if (sums() && parts.weights) parts.weights.run(mine.w, data.w);
}

void PreparedConvolution::run(Stream& stream, const ConvolutionData& data) {
  if (prove()) {
    run_parts(*parts_, stream.scratch(), convolution_.input.n, thread_count_of(*parts_), data);
  } else {
    convolution_loops(convolution_, direction_, data);
  }
}

PreparedConvolution& prepare(Stream& stream, const Convolution& c, Direction direction, bool bias) {
  const Window& v = c.window;
  const PrimitiveKey key{static_cast<std::int64_t>(direction),
                         bias,
                         static_cast<std::int64_t>(c.activations),
                         c.out_channels,
                         c.input.n,
                         c.input.h,
                         c.input.w,
                         c.input.c,
                         v.kernel_h,
                         v.kernel_w,
                         v.stride_h,
                         v.stride_w,
                         v.top,
                         v.left,
                         v.bottom,
                         v.right};
  auto& prepared = stream.keep<KeptPrimitives<PreparedConvolution>>();
  if (PreparedConvolution* found = prepared.by_key.find(key)) return *found;
  return prepared.by_key.insert(key, PreparedConvolution(prepared.engine, c, direction, bias));
}

void convolution_forward(Stream& stream, const Convolution& convolution, ConstView x, ConstView w,
                         ConstView b, View y) {
  prepare(stream, convolution, Direction::forward, bool{b})
      .run(stream, {read(x), y.data, read(w), read(b)});
}

void convolution_backward_data(Stream& stream, const Convolution& convolution, ConstView dy,
                               ConstView w, View dx) {
  prepare(stream, convolution, Direction::backward_data, false)
      .run(stream, {dx.data, read(dy), read(w), nullptr});
}

void convolution_backward_weights(Stream& stream, const Convolution& convolution, ConstView x,
                                  ConstView dy, View dw, View db) {
  prepare(stream, convolution, Direction::backward_weights, bool{db})
      .run(stream, {read(x), read(dy), dw.data, db.data});
}

std::size_t convolution_scratch_bytes(Stream& stream, const Convolution& convolution) {
  std::size_t most = 0;
  for (const Direction direction :
       {Direction::forward, Direction::backward_data, Direction::backward_weights}) {
    most = std::max(most,
                    prepare(stream, convolution, direction, direction != Direction::backward_data)
                        .scratch_bytes());
    if (direction != Direction::backward_data) {
      most = std::max(most, prepare(stream, convolution, direction, false).scratch_bytes());
    }
  }
  return most;
}

}  // namespace paretiny::cpu
