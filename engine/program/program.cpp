#include "engine/program/program.h"

#include <algorithm>

#include "engine/program/program_builder.h"

namespace paretiny::program {

bool fuses_layers(Device device) {
  for (const DeviceInfo& info : devices()) {
    if (info.device == device) return info.fuses_layers;
  }
  return false;
}

std::function<bool(const nn::ConvShape&)> reads_through(Stream& stream, DType dtype) {
  return [&stream, dtype](const nn::ConvShape& shape) {
    return nn::conv_reads_through(stream, shape, dtype);
  };
}

Program::Program(const graph::Graph& graph, const graph::ParameterLayout& layout,
                 const ProgramOptions& options)
    : options_(options) {
  ProgramBuilder(graph, layout, *this).build();
  std::vector<graph::LiveBlock> blocks;
  for (const Tensor& tensor : tensors_) blocks.push_back(tensor.block);
  plan_ = graph::plan_memory(blocks, 64);
}

std::size_t Program::scratch_bytes(Stream& stream) const {
  std::size_t most = 0;
  for (const std::vector<Step>* steps : {&forward_, &backward_}) {
    for (const Step& step : *steps) {
      if (step.scratch) most = std::max(most, step.scratch(stream));
    }
  }
  return most;
}

void Program::bind(Stream& stream, float* parameters, float* gradients) {
  own_arena_ = Buffer(stream.device(), plan_.bytes);
  bind(stream, own_arena_.data(), parameters, gradients);
}

void Program::bind(Stream& stream, void* arena, float* parameters, float* gradients,
                   const bf16* cast_weights) {
  stream.scratch().reserve(scratch_bytes(stream));
  arena_ = static_cast<std::byte*>(arena);
  parameters_ = parameters;
  gradients_ = gradients;
  cast_weights_ = cast_weights;
  const View sums = totals();
  stream.zero(sums.data, sums.bytes());
}

void Program::forward(Stream& stream) const {
  for (const Step& step : forward_) step.run(stream, *this);
}

void Program::backward(Stream& stream) const {
  for (const Step& step : backward_) step.run(stream, *this);
}

View Program::at(TensorId tensor) const {
  const auto index = static_cast<std::size_t>(tensor);
  return view(static_cast<void*>(arena_ + plan_.offsets[index]), tensors_[index].dtype,
              tensors_[index].shape);
}

ConstView Program::parameter(const graph::ParameterTensor& tensor) const {
  return statistic(tensor);
}

ConstView Program::cast_weight(const graph::ParameterTensor& tensor) const {
  return view(static_cast<const void*>(cast_weights_ + tensor.offset), DType::bf16, tensor.shape);
}

View Program::statistic(const graph::ParameterTensor& tensor) const {
  return view(static_cast<void*>(parameters_ + tensor.offset), DType::f32, tensor.shape);
}

View Program::gradient(const graph::ParameterTensor& tensor) const {
  return view(static_cast<void*>(gradients_ + tensor.offset), DType::f32, tensor.shape);
}

}  // namespace paretiny::program
