// Preparing a convolution: how a batch is cut into parts, which primitive computes them, and
// whether it computes them right.
#include <algorithm>
#include <bit>
#include <cstring>

#include "base/error.h"
#include "kernels/core/host_device.h"
#include "kernels/nn/cpu/convolution/convolution.h"
#include "kernels/nn/cpu/convolution/convolution_check.h"
#include "kernels/nn/cpu/convolution/convolution_primitive.h"

namespace paretiny::cpu {
namespace {

using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;
using Type = dnnl::memory::data_type;

constexpr std::int64_t kPartProducts = 1 << 21;  ///< about 0.1 ms: a part worth a thread's waking
constexpr std::int64_t kMostParts = 32;          ///< more processors than most machines have
constexpr std::int64_t kMostPartialBytes = 128 << 20;  ///< of weight gradients, all parts together

/// Whether oneDNN must not even be asked. Its code for SSE4.1 alone reads biases and sums where
/// they lie, at multiples of 16 bytes or not at all, and ours lie anywhere. Without AVX-512 it
/// gathers the pixels that a strided window of one pixel meets in whole vectors, and writes beyond
/// its scratchpad where the channels fill none (its issue 6035).
bool is_not_for_onednn(const Convolution& c) {
  const nn::Window& v = c.window;
  const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
  if (isa == dnnl::cpu_isa::sse41) return true;
  const bool lesser =
      isa == dnnl::cpu_isa::avx || isa == dnnl::cpu_isa::avx2 || isa == dnnl::cpu_isa::avx2_vnni;
  return lesser && c.taps() == 1 && v.stride_h * v.stride_w > 1 && c.input.c % 8 != 0;
}

}  // namespace

std::int64_t samples_of_a_part(const Convolution& c, Direction direction) {
  const std::int64_t products = c.output().elements() * c.taps() * c.input.c;
  std::int64_t parts = std::clamp<std::int64_t>(products / kPartProducts, 1, kMostParts);
  if (direction == Direction::backward_weights) {
    parts = std::min(parts, std::max<std::int64_t>(kMostPartialBytes / (4 * c.weights()), 1));
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

}  // namespace paretiny::cpu
