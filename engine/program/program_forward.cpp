#include <algorithm>
#include <limits>

#include "base/error.h"
#include "engine/program/program_builder.h"
#include "kernels/nn/conv.h"
#include "kernels/nn/depthwise.h"
#include "kernels/nn/elementwise.h"
#include "kernels/nn/fully_connected.h"
#include "kernels/nn/pointwise.h"
#include "kernels/nn/pool.h"
#include "kernels/nn/training/loss.h"

namespace paretiny::program {

using graph::NodeId;
using graph::OpKind;

ProgramBuilder::ProgramBuilder(const graph::Graph& graph, const graph::ParameterLayout& layout,
                               Program& program)
    : graph_(graph),
      layout_(layout),
      program_(program),
      fusions_(find_fusions(graph, program.options_)) {
  const auto nodes = static_cast<std::size_t>(graph.size());
  program_.outputs_.assign(nodes, -1);
  ways_in_.resize(nodes);
  gradients_.resize(nodes);
  saved_mean_.assign(nodes, -1);
  saved_var_.assign(nodes, -1);
  rounded_weights_.assign(nodes, -1);
  raw_outputs_.assign(nodes, -1);
  for (NodeId id = 0; id < graph.size(); ++id) {
    const graph::Node& node = graph.node(id);
    bool needed = layout.find(id, graph::Role::weight) != nullptr || node.op == OpKind::batch_norm;
    for (const NodeId from : node.inputs) {
      needed = needed || needs_gradient_[static_cast<std::size_t>(from)];
    }
    needs_gradient_.push_back(needed);
  }
}

void ProgramBuilder::build() {
  if (graph_.size() == 0 || graph_.nodes().back().op != OpKind::fully_connected) {
    throw UsageError("a network must end in a fully connected layer that gives its logits");
  }
  const ProgramOptions& options = program_.options_;
  if (!options.quantization.empty() && (options.fused || options.dtype != DType::f32)) {
    throw UsageError("a program with fake quantization needs f32 activations and nothing fused");
  }
  if (options.bf16_weights && options.dtype != DType::bf16) {
    throw UsageError("a program with weights in bf16 needs activations in bf16");
  }
  steps_ = &program_.forward_;
  const std::int64_t batch = program_.options_.batch;
  program_.input_ = activation_tensor(graph_.node(0).output);
  program_.labels_ = tensor(DType::i32, {1, 1, 1, batch});
  program_.losses_ = tensor(DType::f32, {1, 1, 1, batch});
  program_.totals_ = tensor(DType::f32, {1, 1, 1, 2});
  program_.outputs_[0] = program_.input_;
  // The input and the labels are there before the first step.
  for (const TensorId given : {program_.input_, program_.labels_}) {
    program_.tensors_[static_cast<std::size_t>(given)].block = {0, 0, 0};
  }
  round_output(0);
  for (NodeId id = 1; id < graph_.size(); ++id) {
    forward(id);
    round_output(id);
  }
  program_.logits_ = output(graph_.output());
  loss();
  if (training()) {
    steps_ = &program_.backward_;
    for (NodeId id = graph_.output(); id > 0; --id) {
      if (needs_gradient_[static_cast<std::size_t>(id)]) backward(id);
    }
  }
  // These outlive the step: the caller reads them, and the totals go on from step to step.
  for (const TensorId kept : {program_.logits_, program_.losses_, program_.totals_}) {
    program_.tensors_[static_cast<std::size_t>(kept)].block = {0, 0, now_};
  }
  for (Program::Tensor& each : program_.tensors_) {
    each.block.bytes = static_cast<std::size_t>(each.shape.elements()) * size_of(each.dtype);
    if (program_.options_.kind == ProgramKind::inspection) each.block.last = now_;
  }
}

Program::TensorId ProgramBuilder::tensor(DType dtype, const Shape& shape) {
  program_.tensors_.push_back({dtype, shape, {0, std::numeric_limits<int>::max(), -1}});
  return static_cast<TensorId>(program_.tensors_.size()) - 1;
}

ProgramBuilder::Weights ProgramBuilder::weights(NodeId id) const {
  const graph::ParameterTensor* bias = layout_.find(id, graph::Role::bias);
  return {parameter(id, graph::Role::weight), bias == nullptr ? graph::ParameterTensor{} : *bias,
          bias != nullptr, rounded_weights_[static_cast<std::size_t>(id)],
          program_.options_.bf16_weights && graph_.node(id).op == OpKind::conv};
}

void ProgramBuilder::emit(NodeId id, const char* direction, const std::vector<TensorId>& used,
                          Run run, Scratch scratch) {
  for (const TensorId each : used) {
    if (each < 0) continue;
    graph::LiveBlock& block = program_.tensors_[static_cast<std::size_t>(each)].block;
    block.first = std::min(block.first, now_);
    block.last = std::max(block.last, now_);
  }
  steps_->push_back(
      {graph_.node(id).name + " " + direction, id, std::move(run), std::move(scratch)});
  ++now_;
}

template <class ScratchBytes>
auto ProgramBuilder::used_for(NodeId id, ScratchBytes scratch_bytes) const {
  const bool biased = weights(id).biased;
  const nn::ConvolutionUse use{biased, !biased, training()};
  return [=](Stream& stream, const auto& shape, DType dtype) {
    return scratch_bytes(stream, shape, dtype, use);
  };
}

template <class OpShape, class Forward, class ScratchBytes>
void ProgramBuilder::forward_plain(NodeId id, const OpShape& shape, Forward op,
                                   ScratchBytes scratch_bytes) {
  const TensorId x = input(id);
  const TensorId y = output(id);
  const Weights weights = this->weights(id);
  emit(
      id, "forward", {x, y, weights.rounded},
      [=](Stream& s, const Program& p) {
        op(s, shape, p.at(x), weights.weight(p), weights.bias(p), p.at(y));
      },
      [=, type = dtype()](Stream& s) { return scratch_bytes(s, shape, type); });
}

template <class OpShape, class Forward, class ScratchBytes>
void ProgramBuilder::forward_fused(NodeId id, const OpShape& shape, Forward op,
                                   ScratchBytes scratch_bytes) {
  const TensorId x = input(id);
  const TensorId y = output(id);
  const WayIn in = way_in(graph_.node(id).inputs[0]);
  const WayOut out = way_out(id);
  const Weights weights = this->weights(id);
  emit(
      id, "forward",
      {x, in.scale, in.shift, in.gate, y, out.scale, out.shift, out.residual, out.mean,
       out.variance, weights.rounded},
      [=](Stream& s, const Program& p) {
        op(s, shape,
           {.x = p.at(x),
            .w = weights.weight(p),
            .b = weights.bias(p),
            .y = p.at(y),
            .prologue = in.of(p),
            .epilogue = out.of(p)});
      },
      [=, type = dtype()](Stream& s) { return scratch_bytes(s, shape, type); });
}

void ProgramBuilder::forward(NodeId id) {
  const graph::Node& node = graph_.node(id);
  const NodeId into = fusion(id).into;
  TensorId& out = program_.outputs_[static_cast<std::size_t>(id)];
  if (into >= 0 || fusion(id).by_readers) {
    out = into >= 0 ? output(into) : input(id);
    WayIn& way = ways_in_[static_cast<std::size_t>(id)];
    if (into >= 0) {
      way = way_in(into);
    } else if (node.op == OpKind::batch_norm) {
      way = fold(id);
    } else {
      way.gate = input(id, 1);
    }
    return;
  }
  out = node.op == OpKind::fully_connected ? tensor(DType::f32, batched(node.output))
                                           : activation_tensor(node.output);
  round_weights(id);
  const TensorId x = input(id);
  const TensorId y = out;
  const Shape in = batched(graph_.input_of(id));
  switch (node.op) {
    case OpKind::conv:
      if (is_pointwise(node)) {
        forward_fused(id, nn::PointwiseShape{in, node.output.c}, nn::pointwise_forward,
                      used_for(id, nn::pointwise_scratch_bytes));
      } else {
        forward_fused(id, nn::ConvShape{in, node.output.c, node.window}, nn::conv_forward_fused,
                      used_for(id, nn::conv_scratch_bytes));
      }
      break;
    case OpKind::depthwise:
      forward_fused(id, nn::DepthwiseShape{in, node.window}, nn::depthwise_forward,
                    nn::depthwise_scratch_bytes);
      break;
    case OpKind::fully_connected:
      forward_plain(id, nn::FullyConnectedShape{in, node.output.c}, nn::fully_connected_forward,
                    nn::fully_connected_scratch_bytes);
      break;
    case OpKind::batch_norm:
      forward_batch_norm(id);
      break;
    case OpKind::activation:
      emit(id, "forward", {x, y}, [=, a = node.activation](Stream& s, const Program& p) {
        nn::activation_forward(s, a, p.at(x), p.at(y));
      });
      break;
    case OpKind::add:
      emit(id, "forward", {x, input(id, 1), y},
           [=, other = input(id, 1), a = fusion(id).activation](Stream& s, const Program& p) {
             nn::add_forward(s, a, p.at(x), p.at(other), p.at(y));
           });
      break;
    case OpKind::channel_scale:
      emit(id, "forward", {x, input(id, 1), y},
           [=, scale = input(id, 1)](Stream& s, const Program& p) {
             nn::channel_scale_forward(s, p.at(x), p.at(scale), p.at(y));
           });
      break;
    case OpKind::max_pool:
      emit(id, "forward", {x, y},
           [=, shape = nn::PoolShape{in, node.window}](Stream& s, const Program& p) {
             nn::max_pool_forward(s, shape, p.at(x), p.at(y));
           });
      break;
    case OpKind::average_pool:
      emit(id, "forward", {x, y},
           [=, shape = nn::PoolShape{in, node.window}](Stream& s, const Program& p) {
             nn::average_pool_forward(s, shape, p.at(x), p.at(y));
           });
      break;
    case OpKind::global_average_pool:
      emit(id, "forward", {x, y}, [=](Stream& s, const Program& p) {
        nn::global_average_pool_forward(s, p.at(x), p.at(y));
      });
      break;
    case OpKind::input:
      break;
  }
}

void ProgramBuilder::loss() {
  const NodeId id = graph_.output();
  const TensorId logits = program_.logits_;
  const TensorId dlogits =
      training() ? tensor(DType::f32, batched(graph_.node(id).output)) : logits;
  emit(id, "loss", {logits, program_.labels_, program_.losses_, dlogits},
       [=, smoothing = program_.options_.label_smoothing, gradient = training()](Stream& s,
                                                                                 const Program& p) {
         nn::softmax_cross_entropy(s, smoothing,
                                   {.logits = p.logits(),
                                    .labels = p.labels(),
                                    .loss = p.losses(),
                                    .dlogits = gradient ? p.at(dlogits) : View{},
                                    .totals = p.totals()});
       });
  if (training()) contribute(id, {dlogits, false});
}

}  // namespace paretiny::program
