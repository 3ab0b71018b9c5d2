// Turns a graph into a Program's steps and buffers. Private to this folder.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "engine/program/program.h"

namespace paretiny {

class ProgramBuilder {
 public:
  ProgramBuilder(const Graph& graph, const ParameterLayout& layout, Program& program);

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

  // What can be merged: a batch norm or an addition with the activation that alone reads it.
  void find_fusions();
  bool fused_away(NodeId id) const { return fused_into_[static_cast<std::size_t>(id)] >= 0; }
  Activation fused_activation(NodeId id) const;

  TensorId tensor(DType dtype, const Shape& shape);
  TensorId activation_tensor(const Shape& sample) { return tensor(dtype(), batched(sample)); }
  TensorId output(NodeId id) const { return program_.outputs_[static_cast<std::size_t>(id)]; }
  TensorId input(NodeId id, std::size_t i = 0) const { return output(graph_.node(id).inputs[i]); }
  DType dtype() const { return program_.options_.dtype; }
  Shape batched(Shape sample) const {
    sample.n = program_.options_.batch;
    return sample;
  }
  const ParameterTensor& parameter(NodeId id, Role role) const { return *layout_.find(id, role); }
  bool training() const { return program_.options_.kind == ProgramKind::training; }

  /// Appends a step that reads or writes `used`.
  void emit(NodeId id, const char* direction, std::initializer_list<TensorId> used, Run run,
            Scratch scratch = {});

  void forward(NodeId id);
  void forward_batch_norm(NodeId id);
  void loss();

  void backward(NodeId id);
  void backward_batch_norm(NodeId id);
  void backward_add(NodeId id);
  /// Adds `gradient` to what is known of the gradient of node `id`'s output.
  void contribute(NodeId id, Gradient gradient);
  /// The tensor a step may write its input's gradient to when that may alias `from`.
  TensorId in_place(const Gradient& from, const Shape& sample) {
    return from.shared ? activation_tensor(sample) : from.tensor;
  }

  const Graph& graph_;
  const ParameterLayout& layout_;
  Program& program_;
  std::vector<NodeId> fused_into_;    // activation node -> the node that computes it, or -1
  std::vector<NodeId> fused_by_;      // batch norm or addition -> its activation node, or -1
  std::vector<bool> needs_gradient_;  // whether a parameter lies at or above the node
  std::vector<Gradient> gradients_;   // by node
  std::vector<TensorId> saved_mean_, saved_var_;
  std::vector<Program::Step>* steps_ = nullptr;
  int now_ = 0;
};

/// Whether a conv node is a pointwise one.
inline bool is_pointwise(const Node& node) {
  return node.op == OpKind::conv && node.window == Window{};
}

}  // namespace paretiny
