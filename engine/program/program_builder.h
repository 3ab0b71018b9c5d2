// Turns a graph into a Program's steps and buffers. Private to this folder.
#pragma once

#include <string>
#include <vector>

#include "engine/program/fusions.h"
#include "engine/program/program.h"
#include "kernels/nn/batchnorm.h"
#include "kernels/nn/conv.h"
#include "kernels/nn/fusion.h"

namespace paretiny::program {

class ProgramBuilder {
 public:
  ProgramBuilder(const graph::Graph& graph, const graph::ParameterLayout& layout, Program& program);

  void build();

 private:
  using TensorId = Program::TensorId;
  using Run = std::function<void(Stream&, const Program&)>;
  using Scratch = std::function<std::size_t(Stream&)>;

  /// The gradient of a node's output while the backward pass is built. One that is shared with
  /// another node (a residual addition hands the same gradient to both inputs) is not overwritten.
  struct Gradient {
    TensorId tensor = -1;
    bool shared = false;
  };

  /// A Prologue and an Epilogue by the tensors they read or write, -1 for none.
  struct WayIn {
    TensorId scale = -1, shift = -1, gate = -1;
    nn::Activation activation = nn::Activation::none;

    nn::Prologue of(const Program& p) const;
  };
  struct WayOut {
    TensorId scale = -1, shift = -1, residual = -1, mean = -1, variance = -1;
    nn::Activation activation = nn::Activation::none;

    nn::Epilogue of(const Program& p) const;
  };

  /// What a step of a layer with weights needs of its parameters.
  struct Weights {
    graph::ParameterTensor w, b;
    bool biased = false;
    TensorId rounded = -1;  ///< the weights as int8 holds them, if they are rounded
    bool cast = false;      ///< the weights in bf16 are read

    ConstView weight(const Program& p) const {
      if (rounded >= 0) return p.at(rounded);
      return cast ? p.cast_weight(w) : p.parameter(w);
    }
    ConstView bias(const Program& p) const { return biased ? p.parameter(b) : ConstView{}; }
    View bias_gradient(const Program& p) const { return biased ? p.gradient(b) : View{}; }
  };
  Weights weights(graph::NodeId id) const;

  const Fusion& fusion(graph::NodeId id) const { return fusions_[static_cast<std::size_t>(id)]; }
  const WayIn& way_in(graph::NodeId id) const { return ways_in_[static_cast<std::size_t>(id)]; }

  TensorId tensor(DType dtype, const Shape& shape);
  TensorId activation_tensor(const Shape& sample) { return tensor(dtype(), batched(sample)); }
  TensorId channel_tensor(graph::NodeId id) {
    return tensor(DType::f32, {1, 1, 1, graph_.node(id).output.c});
  }
  TensorId output(graph::NodeId id) const {
    return program_.outputs_[static_cast<std::size_t>(id)];
  }
  TensorId input(graph::NodeId id, std::size_t i = 0) const {
    return output(graph_.node(id).inputs[i]);
  }
  DType dtype() const { return program_.options_.dtype; }
  Shape batched(Shape sample) const {
    sample.n = program_.options_.batch;
    return sample;
  }
  const graph::ParameterTensor& parameter(graph::NodeId id, graph::Role role) const {
    return *layout_.find(id, role);
  }
  bool training() const { return program_.options_.kind == ProgramKind::training; }

  /// Appends a step that reads or writes `used`, of which those below 0 are none.
  void emit(graph::NodeId id, const char* direction, const std::vector<TensorId>& used, Run run,
            Scratch scratch = {});

  void forward(graph::NodeId id);
  /// A convolution's scratch as this program uses it.
  template <class ScratchBytes>
  auto used_for(graph::NodeId id, ScratchBytes scratch_bytes) const;
  /// A layer with weights that takes no fusions, and one that does.
  template <class OpShape, class Forward, class ScratchBytes>
  void forward_plain(graph::NodeId id, const OpShape& shape, Forward op,
                     ScratchBytes scratch_bytes);
  template <class OpShape, class Forward, class ScratchBytes>
  void forward_fused(graph::NodeId id, const OpShape& shape, Forward op,
                     ScratchBytes scratch_bytes);
  void loss();

  nn::BatchNormShape norm_shape(graph::NodeId id) const;
  void forward_batch_norm(graph::NodeId id);
  /// A batch norm as a factor and an addend a channel, from the batch's statistics in training.
  WayIn fold(graph::NodeId id);
  WayOut way_out(graph::NodeId id);
  /// What the addition that node `id` applies adds to its output: the input that is there already.
  /// -1: it applies none.
  graph::NodeId addend(graph::NodeId id) const;

  /// Fake quantization of the weights of a node, of its output, and back through the latter.
  void round_weights(graph::NodeId id);
  void round_output(graph::NodeId id);
  void pass_gradient(graph::NodeId id);

  void backward(graph::NodeId id);
  void backward_batch_norm(graph::NodeId id);
  void backward_add(graph::NodeId id);
  /// Adds `gradient` to what is known of the gradient of node `id`'s output.
  void contribute(graph::NodeId id, Gradient gradient);
  /// The tensor a step may write its input's gradient to when that may alias `from`.
  TensorId in_place(const Gradient& from, const Shape& sample) {
    return from.shared ? activation_tensor(sample) : from.tensor;
  }

  const graph::Graph& graph_;
  const graph::ParameterLayout& layout_;
  Program& program_;
  const std::vector<Fusion> fusions_;
  std::vector<WayIn> ways_in_;        // by node: how its readers read its stored output
  std::vector<bool> needs_gradient_;  // whether a parameter lies at or above the node
  std::vector<Gradient> gradients_;   // by node
  std::vector<TensorId> saved_mean_, saved_var_;
  std::vector<TensorId> rounded_weights_;  // by node, -1: as they are
  std::vector<TensorId> raw_outputs_;      // by node, -1: the output is not rounded
  std::vector<Program::Step>* steps_ = nullptr;
  int now_ = 0;
};

}  // namespace paretiny::program
