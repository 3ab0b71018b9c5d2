// Fake quantization in a program: which tensors it rounds, and the way of the gradient back.
#include "engine/program/program_builder.h"
#include "kernels/int8/fake_quantize.h"

namespace paretiny::program {

void ProgramBuilder::round_weights(graph::NodeId id) {
  const graph::ParameterTensor* weight = layout_.find(id, graph::Role::weight);
  if (program_.options_.quantization.empty() || weight == nullptr) return;
  const int8::WeightChannels channels = graph_.node(id).op == graph::OpKind::depthwise
                                            ? int8::WeightChannels::last
                                            : int8::WeightChannels::first;
  const TensorId rounded = tensor(DType::f32, weight->shape);
  emit(id, "weight rounding", {rounded}, [=, w = *weight](Stream& s, const Program& p) {
    int8::fake_quantize_weights(s, channels, p.parameter(w), p.at(rounded));
  });
  rounded_weights_[static_cast<std::size_t>(id)] = rounded;
}

void ProgramBuilder::round_output(graph::NodeId id) {
  const auto index = static_cast<std::size_t>(id);
  const auto& quantization = program_.options_.quantization;
  if (quantization.empty() || !quantization[index]) return;
  const TensorId raw = output(id);
  const TensorId rounded = activation_tensor(graph_.node(id).output);
  emit(id, "rounding", {raw, rounded}, [=, q = *quantization[index]](Stream& s, const Program& p) {
    int8::fake_quantize_forward(s, q, p.at(raw), p.at(rounded));
  });
  raw_outputs_[index] = raw;
  program_.outputs_[index] = rounded;
}

void ProgramBuilder::pass_gradient(graph::NodeId id) {
  const auto index = static_cast<std::size_t>(id);
  const TensorId raw = raw_outputs_[index];
  if (raw < 0) return;
  Gradient& gradient = gradients_[index];
  const TensorId dy = gradient.tensor;
  const TensorId dx = in_place(gradient, graph_.node(id).output);
  emit(id, "rounding backward", {raw, dy, dx},
       [=, q = *program_.options_.quantization[index]](Stream& s, const Program& p) {
         int8::fake_quantize_backward(s, q, p.at(raw), p.at(dy), p.at(dx));
       });
  gradient = {dx, false};
}

}  // namespace paretiny::program
