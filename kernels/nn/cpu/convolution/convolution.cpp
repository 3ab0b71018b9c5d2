// Running a prepared convolution, its parts over the threads.
#include "kernels/nn/cpu/convolution/convolution.h"

#include <algorithm>

#include "kernels/core/cpu/elements.h"
#include "kernels/core/host_device.h"
#include "kernels/core/threads.h"
#include "kernels/nn/cpu/convolution/convolution_loops.h"

namespace paretiny::cpu {
namespace {

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
    add_parts(static_cast<float*>(mine.w), parts.weights ? stride : convolution_.weights(), stride,
              count, static_cast<float*>(to));
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
  const nn::Window& v = c.window;
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

std::size_t convolution_scratch_bytes(Stream& stream, const Convolution& convolution,
                                      const nn::ConvolutionUse& use) {
  std::size_t most = 0;
  const auto take = [&](Direction direction, bool bias) {
    most = std::max(most, prepare(stream, convolution, direction, bias).scratch_bytes());
  };
  if (use.backward) take(Direction::backward_data, false);
  for (const bool bias : {false, true}) {
    if (!(bias ? use.with_bias : use.without_bias)) continue;
    take(Direction::forward, bias);
    if (use.backward) take(Direction::backward_weights, bias);
  }
  return most;
}

}  // namespace paretiny::cpu
