// Batch norm in a program: by itself, or left to the convolutions before and after it.
#include <algorithm>

#include "engine/program/program_builder.h"

namespace paretiny::program {

using graph::Role;

namespace {

View at(const Program& p, Program::TensorId tensor) {
  return tensor < 0 ? View{} : p.at(tensor);
}

}  // namespace

nn::Prologue ProgramBuilder::WayIn::of(const Program& p) const {
  return {at(p, scale), at(p, shift), activation, at(p, gate)};
}

nn::Epilogue ProgramBuilder::WayOut::of(const Program& p) const {
  return {at(p, scale), at(p, shift), at(p, residual), activation, at(p, mean), at(p, variance)};
}

nn::BatchNormShape ProgramBuilder::norm_shape(graph::NodeId id) const {
  const graph::Node& node = graph_.node(id);
  return {batched(node.output), fusion(id).activation, node.epsilon, node.momentum};
}

graph::NodeId ProgramBuilder::addend(graph::NodeId id) const {
  if (fusion(id).sum < 0) return -1;
  const std::vector<graph::NodeId>& inputs = graph_.node(fusion(id).sum).inputs;
  return std::min(inputs[0], inputs[1]);
}

ProgramBuilder::WayOut ProgramBuilder::way_out(graph::NodeId id) {
  const auto [into, activation, norm, sum, by_readers] = fusion(id);
  WayOut out;
  out.activation = activation;
  if (sum >= 0) out.residual = output(addend(id));
  if (norm < 0) return out;
  if (training()) {
    out.mean = saved_mean_[static_cast<std::size_t>(norm)] = channel_tensor(norm);
    out.variance = saved_var_[static_cast<std::size_t>(norm)] = channel_tensor(norm);
  } else {
    const WayIn affine = fold(norm);
    out.scale = affine.scale;
    out.shift = affine.shift;
  }
  return out;
}

ProgramBuilder::WayIn ProgramBuilder::fold(graph::NodeId id) {
  WayIn affine;
  affine.scale = channel_tensor(id);
  affine.shift = channel_tensor(id);
  affine.activation = fusion(id).activation;
  const TensorId mean = saved_mean_[static_cast<std::size_t>(id)];
  const TensorId var = saved_var_[static_cast<std::size_t>(id)];
  emit(id, "fold", {mean, var, affine.scale, affine.shift},
       [=, shape = norm_shape(id), batch = training(), gamma = parameter(id, Role::gamma),
        beta = parameter(id, Role::beta), running_mean = parameter(id, Role::running_mean),
        running_var = parameter(id, Role::running_var)](Stream& s, const Program& p) {
         const ConstView m = batch ? p.at(mean) : p.parameter(running_mean);
         const ConstView v = batch ? p.at(var) : p.parameter(running_var);
         nn::batchnorm_fold(s, shape,
                            {.gamma = p.parameter(gamma),
                             .beta = p.parameter(beta),
                             .mean = m,
                             .var = v,
                             .running_mean = batch ? p.statistic(running_mean) : View{},
                             .running_var = batch ? p.statistic(running_var) : View{},
                             .scale = p.at(affine.scale),
                             .shift = p.at(affine.shift)});
       });
  return affine;
}

void ProgramBuilder::forward_batch_norm(graph::NodeId id) {
  const nn::BatchNormShape shape = norm_shape(id);
  const TensorId x = input(id);
  const TensorId y = output(id);
  const TensorId added = addend(id) < 0 ? -1 : output(addend(id));
  const graph::ParameterTensor gamma = parameter(id, Role::gamma);
  const graph::ParameterTensor beta = parameter(id, Role::beta);
  const graph::ParameterTensor mean = parameter(id, Role::running_mean);
  const graph::ParameterTensor var = parameter(id, Role::running_var);
  const Scratch scratch = [=, type = dtype()](Stream& s) {
    return nn::batchnorm_scratch_bytes(s, shape, type);
  };
  TensorId& saved_mean = saved_mean_[static_cast<std::size_t>(id)];
  TensorId& saved_var = saved_var_[static_cast<std::size_t>(id)];
  if (training() && saved_mean < 0) {
    saved_mean = channel_tensor(id);
    saved_var = channel_tensor(id);
    emit(
        id, "forward", {x, added, y, saved_mean, saved_var},
        [=, m = saved_mean, v = saved_var](Stream& s, const Program& p) {
          nn::batchnorm_forward(s, shape,
                                {.x = p.at(x),
                                 .gamma = p.parameter(gamma),
                                 .beta = p.parameter(beta),
                                 .addend = at(p, added),
                                 .running_mean = p.statistic(mean),
                                 .running_var = p.statistic(var),
                                 .saved_mean = p.at(m),
                                 .saved_var = p.at(v),
                                 .y = p.at(y)});
        },
        scratch);
    return;
  }
  // The convolution before it has taken the statistics; the fold brings the running ones forward.
  if (training()) fold(id);
  emit(
      id, "forward", {x, added, y, saved_mean, saved_var},
      [=, batch = training(), m = saved_mean, v = saved_var](Stream& s, const Program& p) {
        nn::batchnorm_inference_forward(s, shape,
                                        {.x = p.at(x),
                                         .gamma = p.parameter(gamma),
                                         .beta = p.parameter(beta),
                                         .mean = batch ? p.at(m) : p.parameter(mean),
                                         .var = batch ? p.at(v) : p.parameter(var),
                                         .addend = at(p, added),
                                         .y = p.at(y)});
      },
      scratch);
}

void ProgramBuilder::backward_batch_norm(graph::NodeId id) {
  const nn::BatchNormShape shape = norm_shape(id);
  const Gradient dy = gradients_[static_cast<std::size_t>(id)];
  const graph::NodeId other = addend(id);
  // Without a slope behind the addition its inputs have the gradient of its output.
  const bool slope = other >= 0 && shape.activation != nn::Activation::none;
  const TensorId x = input(id);
  const TensorId y = slope ? output(id) : -1;
  const TensorId daddend = slope ? in_place(dy, graph_.node(id).output) : -1;
  // All steps that read y come before this one.
  const TensorId dx = slope       ? y
                      : other < 0 ? in_place(dy, graph_.node(id).output)
                                  : activation_tensor(graph_.node(id).output);
  const TensorId mean = saved_mean_[static_cast<std::size_t>(id)];
  const TensorId var = saved_var_[static_cast<std::size_t>(id)];
  const graph::ParameterTensor gamma = parameter(id, Role::gamma);
  const graph::ParameterTensor beta = parameter(id, Role::beta);
  emit(id, "backward", {x, dy.tensor, y, daddend, dx, mean, var}, [=](Stream& s, const Program& p) {
    nn::batchnorm_backward(s, shape,
                           {.x = p.at(x),
                            .dy = p.at(dy.tensor),
                            .gamma = p.parameter(gamma),
                            .beta = p.parameter(beta),
                            .mean = p.at(mean),
                            .var = p.at(var),
                            .y = at(p, y),
                            .daddend = at(p, daddend),
                            .dx = p.at(dx),
                            .dgamma = p.gradient(gamma),
                            .dbeta = p.gradient(beta)});
  });
  if (other >= 0) contribute(other, slope ? Gradient{daddend, false} : dy);
  contribute(graph_.node(id).inputs[0], {dx, false});
}

}  // namespace paretiny::program
