// A training step made of nothing but oneDNN's own primitives: what ours is held against.
#pragma once

#include <cstring>
#include <map>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <vector>

#include "engine/graph/graph.h"
#include "kernels/nn/cpu/onednn.h"

namespace paretiny::bench {

/// Convolutions (dense, depthwise, pointwise), batch norms with a relu behind them, hard-swish and
/// additions, forward and backward, in NHWC, weights in the layout that oneDNN likes best. Left
/// out, in oneDNN's favour: pools, classifier, squeeze-and-excite's scale, loss, optimiser, data.
class OneDnnStep {
 public:
  OneDnnStep(const graph::Graph& graph, std::int64_t batch, DType dtype)
      : graph_(graph),
        batch_(batch),
        type_(dtype == DType::bf16 ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32) {
    const auto consumers = graph.consumers();
    for (graph::NodeId id = 1; id < graph.size(); ++id) {
      const graph::Node& node = graph.node(id);
      const std::vector<graph::NodeId>& readers = consumers[static_cast<std::size_t>(id)];
      const bool relu =
          readers.size() == 1 && graph.node(readers[0]).activation == nn::Activation::relu;
      if (node.op == graph::OpKind::conv || node.op == graph::OpKind::depthwise) convolution(id);
      if (node.op == graph::OpKind::batch_norm) batch_norm(node.output, relu);
      if (node.op == graph::OpKind::activation && node.activation == nn::Activation::hard_swish) {
        hard_swish(node.output);
      }
      if (node.op == graph::OpKind::add) add(node.output);
    }
  }

  void run() {
    for (Call& call : calls_) call.primitive.execute(stream_, call.arguments);
    stream_.wait();
  }
  /// The primitives of a layer follow one another, the forward one first.
  void run(std::size_t call) {
    calls_.at(call).primitive.execute(stream_, calls_.at(call).arguments);
    stream_.wait();
  }

 private:
  using Memory = dnnl::memory;
  using Tag = Memory::format_tag;

  struct Call {
    dnnl::primitive primitive;
    std::unordered_map<int, Memory> arguments;
  };

  Memory::desc image(const Shape& s) const { return {{batch_, s.c, s.h, s.w}, type_, Tag::nhwc}; }

  Memory filled(const Memory::desc& desc) {
    Memory memory(desc, engine_);
    // 0.046 as a float and as a bfloat16.
    std::memset(memory.get_data_handle(), 0x3d, desc.get_size());
    return memory;
  }

  void call(const dnnl::primitive& primitive, const Memory::desc& scratchpad,
            const std::map<int, Memory::desc>& operands) {
    Call call{primitive, {}};
    call.arguments[DNNL_ARG_SCRATCHPAD] = filled(scratchpad);
    for (const auto& [name, desc] : operands) {
      // A batch norm without relu has no workspace.
      if (desc.get_size() > 0) call.arguments[name] = filled(desc);
    }
    calls_.push_back(std::move(call));
  }

  void convolution(graph::NodeId id) {
    const graph::Node& node = graph_.node(id);
    const Shape& in = graph_.input_of(id);
    const nn::Window& w = node.window;
    const Memory::dims strides = {w.stride_h, w.stride_w};
    const Memory::dims before = {w.top, w.left};
    const Memory::dims after = {w.bottom, w.right};
    const bool depthwise = node.op == graph::OpKind::depthwise;
    const Memory::dims extents = depthwise
                                     ? Memory::dims{in.c, 1, 1, w.kernel_h, w.kernel_w}
                                     : Memory::dims{node.output.c, in.c, w.kernel_h, w.kernel_w};
    const Memory::desc weights(extents, type_, Tag::any);
    const auto algorithm = dnnl::algorithm::convolution_direct;
    const Memory::desc x = image(in);
    const Memory::desc y = image(node.output);
    const auto forward = cpu::describe<dnnl::convolution_forward>(
        engine_, std::tuple<>(), dnnl::prop_kind::forward_training, algorithm, x, weights, y,
        strides, before, after);
    call(dnnl::convolution_forward(forward), forward.scratchpad_desc(),
         {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, forward.weights_desc()}, {DNNL_ARG_DST, y}});
    const auto backward = cpu::describe<dnnl::convolution_backward_weights>(
        engine_, std::tuple(forward), algorithm, x, weights, y, strides, before, after);
    call(dnnl::convolution_backward_weights(backward), backward.scratchpad_desc(),
         {{DNNL_ARG_SRC, x},
          {DNNL_ARG_DIFF_DST, y},
          {DNNL_ARG_DIFF_WEIGHTS, backward.diff_weights_desc()}});
    if (node.inputs[0] == 0) return;
    const auto data = cpu::describe<dnnl::convolution_backward_data>(
        engine_, std::tuple(forward), algorithm, x, weights, y, strides, before, after);
    call(dnnl::convolution_backward_data(data), data.scratchpad_desc(),
         {{DNNL_ARG_DIFF_DST, y}, {DNNL_ARG_WEIGHTS, data.weights_desc()}, {DNNL_ARG_DIFF_SRC, x}});
  }

  void batch_norm(const Shape& shape, bool relu) {
    using Flags = dnnl::normalization_flags;
    // Without scale and shift: they cost no traffic, and their arguments differ between versions.
    const Flags flags = relu ? Flags::fuse_norm_relu : Flags::none;
    const Memory::desc x = image(shape);
    const Memory::desc channels({shape.c}, Memory::data_type::f32, Tag::x);
#if DNNL_VERSION_MAJOR < 3
    const auto forward = cpu::describe<dnnl::batch_normalization_forward>(
        engine_, std::tuple<>(), dnnl::prop_kind::forward_training, x, 1e-5f, flags);
    const auto backward = cpu::describe<dnnl::batch_normalization_backward>(
        engine_, std::tuple(forward), dnnl::prop_kind::backward_data, x, x, 1e-5f, flags);
#else
    const auto forward = cpu::describe<dnnl::batch_normalization_forward>(
        engine_, std::tuple<>(), dnnl::prop_kind::forward_training, x, x, 1e-5f, flags);
    const auto backward = cpu::describe<dnnl::batch_normalization_backward>(
        engine_, std::tuple(forward), dnnl::prop_kind::backward_data, x, x, x, 1e-5f, flags);
#endif
    call(dnnl::batch_normalization_forward(forward), forward.scratchpad_desc(),
         {{DNNL_ARG_SRC, x},
          {DNNL_ARG_DST, x},
          {DNNL_ARG_MEAN, channels},
          {DNNL_ARG_VARIANCE, channels},
          {DNNL_ARG_WORKSPACE, forward.workspace_desc()}});
    call(dnnl::batch_normalization_backward(backward), backward.scratchpad_desc(),
         {{DNNL_ARG_SRC, x},
          {DNNL_ARG_DIFF_DST, x},
          {DNNL_ARG_DIFF_SRC, x},
          {DNNL_ARG_MEAN, channels},
          {DNNL_ARG_VARIANCE, channels},
          {DNNL_ARG_WORKSPACE, forward.workspace_desc()}});
  }

  void hard_swish(const Shape& shape) {
    const Memory::desc x = image(shape);
    const auto algorithm = dnnl::algorithm::eltwise_hardswish;
#if DNNL_VERSION_MAJOR < 3
    const auto forward = cpu::describe<dnnl::eltwise_forward>(
        engine_, std::tuple<>(), dnnl::prop_kind::forward_training, algorithm, x, 0.0f, 0.0f);
    const auto backward = cpu::describe<dnnl::eltwise_backward>(engine_, std::tuple(forward),
                                                                algorithm, x, x, 0.0f, 0.0f);
#else
    const auto forward = cpu::describe<dnnl::eltwise_forward>(engine_, std::tuple<>(),
                                                              dnnl::prop_kind::forward_training,
                                                              algorithm, x, x, 1.0f / 6, 0.5f);
    const auto backward = cpu::describe<dnnl::eltwise_backward>(engine_, std::tuple(forward),
                                                                algorithm, x, x, x, 1.0f / 6, 0.5f);
#endif
    call(dnnl::eltwise_forward(forward), forward.scratchpad_desc(),
         {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, x}});
    call(dnnl::eltwise_backward(backward), backward.scratchpad_desc(),
         {{DNNL_ARG_SRC, x}, {DNNL_ARG_DIFF_DST, x}, {DNNL_ARG_DIFF_SRC, x}});
  }

  void add(const Shape& shape) {
    const Memory::desc x = image(shape);
    const auto sum =
        cpu::describe<dnnl::binary>(engine_, std::tuple<>(), dnnl::algorithm::binary_add, x, x, x);
    // Forward, and the sum of the two gradients that meet where the shortcut leaves.
    for (int i = 0; i < 2; ++i) {
      call(dnnl::binary(sum), sum.scratchpad_desc(),
           {{DNNL_ARG_SRC_0, x}, {DNNL_ARG_SRC_1, x}, {DNNL_ARG_DST, x}});
    }
  }

  const graph::Graph& graph_;
  std::int64_t batch_;
  Memory::data_type type_;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::vector<Call> calls_;
};

}  // namespace paretiny::bench
