#include "engine/program/program_builder.h"
#include "kernels/nn/conv.h"
#include "kernels/nn/depthwise.h"
#include "kernels/nn/elementwise.h"
#include "kernels/nn/fully_connected.h"
#include "kernels/nn/pointwise.h"
#include "kernels/nn/pool.h"

namespace paretiny::program {

using graph::OpKind;

void ProgramBuilder::contribute(graph::NodeId id, Gradient gradient) {
  if (!needs_gradient_[static_cast<std::size_t>(id)]) return;
  Gradient& known = gradients_[static_cast<std::size_t>(id)];
  if (known.tensor < 0) {
    known = gradient;
    return;
  }
  const TensorId a = known.tensor;
  const TensorId b = gradient.tensor;
  const TensorId sum = !gradient.shared ? b
                       : !known.shared  ? a
                                        : activation_tensor(graph_.node(id).output);
  emit(id, "gradient sum", {a, b, sum}, [=](Stream& s, const Program& p) {
    nn::add_forward(s, nn::Activation::none, p.at(a), p.at(b), p.at(sum));
  });
  known = {sum, false};
}

void ProgramBuilder::backward(graph::NodeId id) {
  const graph::Node& node = graph_.node(id);
  const graph::NodeId from = node.inputs[0];
  // Where nothing came, the loss does not depend on this node.
  if (gradients_[static_cast<std::size_t>(id)].tensor < 0) return;
  pass_gradient(id);
  const Gradient dy = gradients_[static_cast<std::size_t>(id)];
  if (fusion(id).into >= 0) {
    contribute(fusion(id).into, dy);
    return;
  }
  const TensorId x = output(from);
  const Shape sample = graph_.node(from).output;
  const Shape in = batched(sample);
  const bool data = needs_gradient_[static_cast<std::size_t>(from)];
  /// weights_op(stream, shape, ConvolutionWeightGradient).
  const auto weighted = [&](auto shape, auto weights_op, auto data_op) {
    const WayIn way = way_in(from);
    emit(id, "backward weights", {x, way.scale, way.shift, way.gate, dy.tensor},
         [=, weights = weights(id)](Stream& s, const Program& p) {
           weights_op(s, shape,
                      {.x = p.at(x),
                       .dy = p.at(dy.tensor),
                       .dw = p.gradient(weights.w),
                       .db = weights.bias_gradient(p),
                       .prologue = way.of(p)});
         });
    if (!data) return;
    const TensorId dx = activation_tensor(sample);
    emit(id, "backward data", {dy.tensor, dx, rounded_weights_[static_cast<std::size_t>(id)]},
         [=, weights = weights(id)](Stream& s, const Program& p) {
           data_op(s, shape, p.at(dy.tensor), weights.weight(p), p.at(dx));
         });
    contribute(from, {dx, false});
  };
  /// A step that turns dy into a new dx.
  const auto map = [&](auto run) {
    if (!data) return;
    const TensorId dx = activation_tensor(sample);
    emit(id, "backward", {x, dy.tensor, dx},
         [=](Stream& s, const Program& p) { run(s, p.at(x), p.at(dy.tensor), p.at(dx)); });
    contribute(from, {dx, false});
  };
  switch (node.op) {
    case OpKind::conv:
      if (is_pointwise(node)) {
        weighted(nn::PointwiseShape{in, node.output.c}, nn::pointwise_backward_weights,
                 nn::pointwise_backward_data);
      } else {
        weighted(nn::ConvShape{in, node.output.c, node.window}, nn::conv_backward_weights_fused,
                 nn::conv_backward_data);
      }
      break;
    case OpKind::depthwise:
      weighted(nn::DepthwiseShape{in, node.window}, nn::depthwise_backward_weights,
               nn::depthwise_backward_data);
      break;
    case OpKind::fully_connected: {
      const TensorId dx = data ? activation_tensor(sample) : x;
      emit(id, "backward", {x, dy.tensor, dx, rounded_weights_[static_cast<std::size_t>(id)]},
           [=, shape = nn::FullyConnectedShape{in, node.output.c}, weights = weights(id)](
               Stream& s, const Program& p) {
             nn::fully_connected_backward(s, shape,
                                          {.x = p.at(x),
                                           .w = weights.weight(p),
                                           .dy = p.at(dy.tensor),
                                           .dx = data ? p.at(dx) : View{},
                                           .dw = p.gradient(weights.w),
                                           .db = weights.bias_gradient(p)});
           });
      if (data) contribute(from, {dx, false});
      break;
    }
    case OpKind::batch_norm:
      backward_batch_norm(id);
      break;
    case OpKind::activation: {
      const TensorId dx = in_place(dy, sample);
      emit(id, "backward", {x, dy.tensor, dx},
           [=, a = node.activation](Stream& s, const Program& p) {
             nn::activation_backward(s, a, p.at(x), p.at(dy.tensor), p.at(dx));
           });
      contribute(from, {dx, false});
      break;
    }
    case OpKind::add:
      backward_add(id);
      break;
    case OpKind::channel_scale: {
      const TensorId scale = input(id, 1);
      const TensorId dx = in_place(dy, sample);
      const TensorId dscale = activation_tensor({1, 1, 1, sample.c});
      emit(id, "backward", {x, scale, dy.tensor, dx, dscale}, [=](Stream& s, const Program& p) {
        nn::channel_scale_backward(s, {.x = p.at(x),
                                       .s = p.at(scale),
                                       .dy = p.at(dy.tensor),
                                       .dx = p.at(dx),
                                       .ds = p.at(dscale)});
      });
      contribute(from, {dx, false});
      contribute(node.inputs[1], {dscale, false});
      break;
    }
    case OpKind::max_pool:
      map([shape = nn::PoolShape{in, node.window}](Stream& s, ConstView input, ConstView g,
                                                   View dx) {
        nn::max_pool_backward(s, shape, input, g, dx);
      });
      break;
    case OpKind::average_pool:
      map([shape = nn::PoolShape{in, node.window}](Stream& s, ConstView, ConstView g, View dx) {
        nn::average_pool_backward(s, shape, g, dx);
      });
      break;
    case OpKind::global_average_pool:
      map([](Stream& s, ConstView, ConstView g, View dx) {
        nn::global_average_pool_backward(s, g, dx);
      });
      break;
    case OpKind::input:
      break;
  }
}

void ProgramBuilder::backward_add(graph::NodeId id) {
  const graph::Node& node = graph_.node(id);
  const Gradient dy = gradients_[static_cast<std::size_t>(id)];
  const nn::Activation activation = fusion(id).activation;
  TensorId d = dy.tensor;
  if (activation != nn::Activation::none) {
    d = in_place(dy, node.output);
    emit(id, "backward", {output(id), dy.tensor, d},
         [=, y = output(id)](Stream& s, const Program& p) {
           nn::add_backward(s, activation, p.at(y), p.at(dy.tensor), p.at(d));
         });
  }
  // Both inputs get the same tensor, which neither may overwrite.
  contribute(node.inputs[0], {d, true});
  contribute(node.inputs[1], {d, true});
}

}  // namespace paretiny::program
