#include <algorithm>
#include <limits>

#include "engine/program/program_builder.h"
#include "kernels/batchnorm.h"
#include "kernels/conv.h"
#include "kernels/depthwise.h"
#include "kernels/elementwise.h"
#include "kernels/error.h"
#include "kernels/fully_connected.h"
#include "kernels/loss.h"
#include "kernels/pointwise.h"
#include "kernels/pool.h"

namespace paretiny {

ProgramBuilder::ProgramBuilder(const Graph& graph, const ParameterLayout& layout, Program& program)
    : graph_(graph), layout_(layout), program_(program) {
  const auto nodes = static_cast<std::size_t>(graph.size());
  program_.outputs_.assign(nodes, -1);
  fused_into_.assign(nodes, -1);
  fused_by_.assign(nodes, -1);
  gradients_.resize(nodes);
  saved_mean_.assign(nodes, -1);
  saved_var_.assign(nodes, -1);
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    bool needed = layout.find(id, Role::weight) != nullptr || node.op == OpKind::batch_norm;
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
  if (program_.options_.kind != ProgramKind::inspection) find_fusions();
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
  for (NodeId id = 1; id < graph_.size(); ++id) forward(id);
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

void ProgramBuilder::find_fusions() {
  const std::vector<std::vector<NodeId>> consumers = graph_.consumers();
  for (NodeId id = 0; id < graph_.size(); ++id) {
    const std::vector<NodeId>& readers = consumers[static_cast<std::size_t>(id)];
    if (readers.size() != 1 || graph_.node(readers[0]).op != OpKind::activation) continue;
    const Activation activation = graph_.node(readers[0]).activation;
    const bool clamp = activation == Activation::relu || activation == Activation::relu6;
    const OpKind op = graph_.node(id).op;
    if (op == OpKind::batch_norm || (op == OpKind::add && clamp)) {
      fused_by_[static_cast<std::size_t>(id)] = readers[0];
      fused_into_[static_cast<std::size_t>(readers[0])] = id;
    }
  }
}

Activation ProgramBuilder::fused_activation(NodeId id) const {
  const NodeId by = fused_by_[static_cast<std::size_t>(id)];
  return by < 0 ? Activation::none : graph_.node(by).activation;
}

Program::TensorId ProgramBuilder::tensor(DType dtype, const Shape& shape) {
  program_.tensors_.push_back({dtype, shape, {0, std::numeric_limits<int>::max(), -1}});
  return static_cast<TensorId>(program_.tensors_.size()) - 1;
}

void ProgramBuilder::emit(NodeId id, const char* direction, std::initializer_list<TensorId> used,
                          Run run, Scratch scratch) {
  for (const TensorId each : used) {
    LiveBlock& block = program_.tensors_[static_cast<std::size_t>(each)].block;
    block.first = std::min(block.first, now_);
    block.last = std::max(block.last, now_);
  }
  steps_->push_back(
      {graph_.node(id).name + " " + direction, id, std::move(run), std::move(scratch)});
  ++now_;
}

void ProgramBuilder::forward(NodeId id) {
  const Node& node = graph_.node(id);
  TensorId& out = program_.outputs_[static_cast<std::size_t>(id)];
  if (fused_away(id)) {
    out = input(id);
    return;
  }
  out = node.op == OpKind::fully_connected ? tensor(DType::f32, batched(node.output))
                                           : activation_tensor(node.output);
  const TensorId x = input(id);
  const TensorId y = out;
  const Shape in = batched(graph_.input_of(id));
  const ParameterTensor* w = layout_.find(id, Role::weight);
  const ParameterTensor* b = layout_.find(id, Role::bias);
  const auto weighted = [&](auto shape, auto op, auto scratch_bytes) {
    const DType type = dtype();
    emit(
        id, "forward", {x, y},
        [=, w = *w, b = b == nullptr ? ParameterTensor{} : *b, biased = b != nullptr](
            Stream& s, const Program& p) {
          op(s, shape, p.at(x), p.parameter(w), biased ? p.parameter(b) : ConstView{}, p.at(y));
        },
        [=](Stream& s) { return scratch_bytes(s, shape, type); });
  };
  switch (node.op) {
    case OpKind::conv:
      if (is_pointwise(node)) {
        weighted(
            PointwiseShape{in, node.output.c}, [](auto&&... a) { pointwise_forward(a...); },
            pointwise_scratch_bytes);
      } else {
        weighted(ConvShape{in, node.output.c, node.window}, conv_forward, conv_scratch_bytes);
      }
      break;
    case OpKind::depthwise:
      weighted(
          DepthwiseShape{in, node.window}, [](auto&&... a) { depthwise_forward(a...); },
          depthwise_scratch_bytes);
      break;
    case OpKind::fully_connected:
      weighted(FullyConnectedShape{in, node.output.c}, fully_connected_forward,
               fully_connected_scratch_bytes);
      break;
    case OpKind::batch_norm:
      forward_batch_norm(id);
      break;
    case OpKind::activation:
      emit(id, "forward", {x, y}, [=, a = node.activation](Stream& s, const Program& p) {
        activation_forward(s, a, p.at(x), p.at(y));
      });
      break;
    case OpKind::add:
      emit(id, "forward", {x, input(id, 1), y},
           [=, other = input(id, 1), a = fused_activation(id)](Stream& s, const Program& p) {
             add_forward(s, a, p.at(x), p.at(other), p.at(y));
           });
      break;
    case OpKind::channel_scale:
      emit(id, "forward", {x, input(id, 1), y},
           [=, scale = input(id, 1)](Stream& s, const Program& p) {
             channel_scale_forward(s, p.at(x), p.at(scale), p.at(y));
           });
      break;
    case OpKind::max_pool:
      emit(id, "forward", {x, y},
           [=, shape = PoolShape{in, node.window}](Stream& s, const Program& p) {
             max_pool_forward(s, shape, p.at(x), p.at(y));
           });
      break;
    case OpKind::average_pool:
      emit(id, "forward", {x, y},
           [=, shape = PoolShape{in, node.window}](Stream& s, const Program& p) {
             average_pool_forward(s, shape, p.at(x), p.at(y));
           });
      break;
    case OpKind::global_average_pool:
      emit(id, "forward", {x, y},
           [=](Stream& s, const Program& p) { global_average_pool_forward(s, p.at(x), p.at(y)); });
      break;
    case OpKind::input:
      break;
  }
}

void ProgramBuilder::forward_batch_norm(NodeId id) {
  const Node& node = graph_.node(id);
  const BatchNormShape shape{batched(node.output), fused_activation(id), node.epsilon,
                             node.momentum};
  const TensorId x = input(id);
  const TensorId y = output(id);
  const ParameterTensor gamma = parameter(id, Role::gamma);
  const ParameterTensor beta = parameter(id, Role::beta);
  const ParameterTensor mean = parameter(id, Role::running_mean);
  const ParameterTensor var = parameter(id, Role::running_var);
  const DType type = dtype();
  const Scratch scratch = [=](Stream& s) { return batchnorm_scratch_bytes(s, shape, type); };
  if (!training()) {
    emit(
        id, "forward", {x, y},
        [=](Stream& s, const Program& p) {
          batchnorm_inference_forward(s, shape, p.at(x), p.parameter(gamma), p.parameter(beta),
                                      p.parameter(mean), p.parameter(var), p.at(y));
        },
        scratch);
    return;
  }
  const TensorId saved_mean = tensor(DType::f32, shape.channels());
  const TensorId saved_var = tensor(DType::f32, shape.channels());
  saved_mean_[static_cast<std::size_t>(id)] = saved_mean;
  saved_var_[static_cast<std::size_t>(id)] = saved_var;
  emit(
      id, "forward", {x, y, saved_mean, saved_var},
      [=](Stream& s, const Program& p) {
        batchnorm_forward(s, shape, p.at(x), p.parameter(gamma), p.parameter(beta),
                          p.statistic(mean), p.statistic(var), p.at(saved_mean), p.at(saved_var),
                          p.at(y));
      },
      scratch);
}

void ProgramBuilder::loss() {
  const NodeId id = graph_.output();
  const TensorId logits = program_.logits_;
  const TensorId dlogits =
      training() ? tensor(DType::f32, batched(graph_.node(id).output)) : logits;
  emit(id, "loss", {logits, program_.labels_, program_.losses_, dlogits},
       [=, smoothing = program_.options_.label_smoothing, gradient = training()](Stream& s,
                                                                                 const Program& p) {
         softmax_cross_entropy(s, smoothing, p.logits(), p.labels(), p.losses(),
                               gradient ? p.at(dlogits) : View{}, p.totals());
       });
  if (training()) contribute(id, {dlogits, false});
}

}  // namespace paretiny
