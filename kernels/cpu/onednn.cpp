#include "kernels/cpu/onednn.h"

#include <omp.h>

#include <algorithm>

#include "kernels/error.h"

namespace paretiny::cpu {
namespace {

using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;
using Type = dnnl::memory::data_type;

Type type_of(DType dtype) {
  return dtype == DType::bf16 ? Type::bf16 : Type::f32;
}

/// Layouts as our tensors have them, and as the primitive may choose them.
struct Layouts {
  Desc x, y, w, b;
};

Layouts layouts(const Convolution& c, DType activations, Type weights, bool bias, bool any) {
  const Shape& in = c.input;
  const std::int64_t out_h = c.window.out_h(in.h);
  const std::int64_t out_w = c.window.out_w(in.w);
  const Type type = type_of(activations);
  Layouts l;
  l.x = Desc({in.n, in.c, in.h, in.w}, type, Tag::nhwc);
  l.y = Desc({in.n, c.out_channels, out_h, out_w}, type, Tag::nhwc);
  l.w = Desc({c.out_channels, in.c, c.window.kernel_h, c.window.kernel_w}, weights,
             any ? Tag::any : Tag::ohwi);
  if (bias) l.b = Desc({c.out_channels}, Type::f32, Tag::x);
  return l;
}

Prepared prepare_convolution(const dnnl::engine& engine, const Convolution& c, Direction direction,
                             bool bias, DType activations) {
  using dnnl::algorithm;
  using dnnl::prop_kind;
  const dnnl::memory::dims stride{c.window.stride_h, c.window.stride_w};
  const dnnl::memory::dims before{c.window.top, c.window.left};
  const dnnl::memory::dims after{c.window.bottom, c.window.right};
  const Layouts given = layouts(c, c.activations, Type::f32, bias, false);
  const Layouts any = layouts(c, activations, type_of(activations), bias, true);

  const bool trains = direction != Direction::forward;
  const auto forward = describe<dnnl::convolution_forward>(
      engine, std::tuple<>(), trains ? prop_kind::forward_training : prop_kind::forward_inference,
      algorithm::convolution_direct, any.x, any.w, any.b, any.y, stride, before, after);
  if (direction == Direction::forward) {
    std::vector<Prepared::Operand> operands{{DNNL_ARG_SRC, given.x, forward.src_desc()},
                                            {DNNL_ARG_WEIGHTS, given.w, forward.weights_desc()},
                                            {DNNL_ARG_DST, given.y, forward.dst_desc(), true}};
    if (bias) operands.push_back({DNNL_ARG_BIAS, given.b, forward.bias_desc()});
    return {engine, dnnl::convolution_forward(forward), forward.impl_info_str(),
            forward.scratchpad_desc(), operands};
  }
  if (direction == Direction::backward_data) {
    const auto backward = describe<dnnl::convolution_backward_data>(
        engine, std::tie(forward), algorithm::convolution_direct, any.x, any.w, any.y, stride,
        before, after);
    return {engine,
            dnnl::convolution_backward_data(backward),
            backward.impl_info_str(),
            backward.scratchpad_desc(),
            {{DNNL_ARG_DIFF_DST, given.y, backward.diff_dst_desc()},
             {DNNL_ARG_WEIGHTS, given.w, backward.weights_desc()},
             {DNNL_ARG_DIFF_SRC, given.x, backward.diff_src_desc(), true}}};
  }
  // The sum over all pixels is kept in f32 whatever the activations are.
  const Desc dw = layouts(c, activations, Type::f32, bias, true).w;
  const auto backward = describe<dnnl::convolution_backward_weights>(
      engine, std::tie(forward), algorithm::convolution_direct, any.x, dw, any.b, any.y, stride,
      before, after);
  std::vector<Prepared::Operand> operands{
      {DNNL_ARG_SRC, given.x, backward.src_desc()},
      {DNNL_ARG_DIFF_DST, given.y, backward.diff_dst_desc()},
      {DNNL_ARG_DIFF_WEIGHTS, given.w, backward.diff_weights_desc(), true}};
  if (bias) operands.push_back({DNNL_ARG_DIFF_BIAS, given.b, backward.diff_bias_desc(), true});
  return {engine, dnnl::convolution_backward_weights(backward), backward.impl_info_str(),
          backward.scratchpad_desc(), operands};
}

/// oneDNN takes what it only reads by a pointer to non-const, too.
void* read(ConstView input) {
  return const_cast<void*>(input.data);
}

}  // namespace

Prepared::Prepared(const dnnl::engine& engine, dnnl::primitive primitive, const std::string& name,
                   const Desc& scratchpad, const std::vector<Operand>& operands)
    : primitive_(std::move(primitive)), name_(name) {
  scratchpad_ = dnnl::memory(scratchpad, engine, nullptr);
  arguments_[DNNL_ARG_SCRATCHPAD] = scratchpad_;
  scratch_bytes_ = aligned(scratchpad.get_size());
  for (const Operand& operand : operands) {
    Bound bound{dnnl::memory(operand.given, engine, nullptr), {}, {}, operand.output};
    bound.wanted = bound.given;
    if (operand.given != operand.wanted) {
      bound.wanted = dnnl::memory(operand.wanted, engine, nullptr);
      bound.reorder = operand.output ? dnnl::reorder(bound.wanted, bound.given)
                                     : dnnl::reorder(bound.given, bound.wanted);
      scratch_bytes_ += aligned(operand.wanted.get_size());
    }
    arguments_[operand.argument] = bound.wanted;
    operands_.push_back(std::move(bound));
  }
}

void Prepared::run(CpuStream& stream, const std::array<void*, 4>& data) {
  const dnnl::stream& queue = stream.primitives().stream;
  Arena::Scope scratch(stream.scratch());
  scratchpad_.set_data_handle(scratch.take(scratchpad_.get_desc().get_size()));
  for (std::size_t i = 0; i < operands_.size(); ++i) {
    Bound& operand = operands_[i];
    operand.given.set_data_handle(data[i]);
    if (!operand.reorder) continue;
    operand.wanted.set_data_handle(scratch.take(operand.wanted.get_desc().get_size()));
    if (!operand.output) {
      operand.reorder.execute(queue,
                              {{DNNL_ARG_FROM, operand.given}, {DNNL_ARG_TO, operand.wanted}});
    }
  }
  primitive_.execute(queue, arguments_);
  for (const Bound& operand : operands_) {
    if (!operand.output || !operand.reorder) continue;
    operand.reorder.execute(queue, {{DNNL_ARG_FROM, operand.wanted}, {DNNL_ARG_TO, operand.given}});
  }
}

std::size_t PrimitiveKeyHash::operator()(const PrimitiveKey& key) const {
  std::uint64_t hash = 0xCBF29CE484222325u;  // FNV-1a over words
  for (const std::int64_t word : key) {
    hash = (hash ^ static_cast<std::uint64_t>(word)) * 0x100000001B3u;
  }
  return hash ^ (hash >> 32);
}

Prepared* PrimitiveCache::find(const PrimitiveKey& key) {
  const auto found = index_.find(key);
  if (found == index_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return &found->second->second;
}

Prepared& PrimitiveCache::insert(const PrimitiveKey& key, Prepared prepared) {
  if (entries_.size() == kCapacity) {
    index_.erase(entries_.back().first);
    entries_.pop_back();
  }
  entries_.emplace_front(key, std::move(prepared));
  index_[key] = entries_.begin();
  return entries_.front().second;
}

Primitives::Primitives() {
  // oneDNN keeps a cache of its own, which would hold on to what ours lets go.
  dnnl::set_primitive_cache_capacity(128);
}

Prepared& prepare(CpuStream& stream, const Convolution& c, Direction direction, bool bias) {
  Primitives& primitives = stream.primitives();
  const Window& v = c.window;
  // A primitive shares its work out when it is prepared: the number of threads is part of the key.
  const PrimitiveKey key{static_cast<std::int64_t>(direction),
                         bias,
                         static_cast<std::int64_t>(c.activations),
                         omp_get_max_threads(),
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
  if (Prepared* found = primitives.prepared.find(key)) return *found;
  const auto make = [&](DType activations) -> Prepared& {
    return primitives.prepared.insert(
        key, prepare_convolution(primitives.engine, c, direction, bias, activations));
  };
  // oneDNN's bf16 weight gradient of a single input channel is up to thirty times slower than f32.
  const bool widened = direction == Direction::backward_weights && c.input.c == 1;
  try {
    try {
      return make(widened ? DType::f32 : c.activations);
    } catch (const dnnl::error& error) {
      if (error.status != dnnl_unimplemented || c.activations == DType::f32) throw;
      return make(DType::f32);
    }
  } catch (const dnnl::error& error) {
    throw DeviceError("oneDNN cannot prepare a convolution of " + to_string(c.input) + ": " +
                      error.what());
  }
}

void convolution_forward(CpuStream& stream, const Convolution& convolution, ConstView x,
                         ConstView w, ConstView b, View y) {
  const bool bias{b};
  prepare(stream, convolution, Direction::forward, bias)
      .run(stream, {{read(x), read(w), y.data, read(b)}});
}

void convolution_backward_data(CpuStream& stream, const Convolution& convolution, ConstView dy,
                               ConstView w, View dx) {
  prepare(stream, convolution, Direction::backward_data, false)
      .run(stream, {{read(dy), read(w), dx.data}});
}

void convolution_backward_weights(CpuStream& stream, const Convolution& convolution, ConstView x,
                                  ConstView dy, View dw, View db) {
  const bool bias{db};
  prepare(stream, convolution, Direction::backward_weights, bias)
      .run(stream, {{read(x), read(dy), dw.data, db.data}});
}

std::size_t convolution_scratch_bytes(CpuStream& stream, const Convolution& convolution) {
  std::size_t most = 0;
  for (const Direction direction :
       {Direction::forward, Direction::backward_data, Direction::backward_weights}) {
    most = std::max(most, prepare(stream, convolution, direction, true).scratch_bytes());
    if (direction != Direction::backward_data) {
      most = std::max(most, prepare(stream, convolution, direction, false).scratch_bytes());
    }
  }
  return most;
}

}  // namespace paretiny::cpu
