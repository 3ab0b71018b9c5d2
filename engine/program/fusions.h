// Which nodes of a graph need no step of their own, and who does their work. Private to this
// folder.
#pragma once

#include <vector>

#include "engine/program/program.h"

namespace paretiny::program {

struct Fusion {
  graph::NodeId into = -1;  ///< the node whose step computes this one's output, or -1: its own does
  /// What the node's own step applies last.
  nn::Activation activation = nn::Activation::none;
  /// Of a convolution: the batch norm that its epilogue applies or, in training, takes the
  /// statistics for; the latter also of a dense one. -1: none.
  graph::NodeId norm = -1;
  /// Of a convolution or a batch norm: the addition that it applies. -1: none.
  graph::NodeId sum = -1;
  /// Of a batch norm or a channel scale: its output is never stored, the convolutions that read it
  /// compute it on the way in.
  bool by_readers = false;
};

/// By node. Always: an activation goes into the batch norm, a clamp into the addition that it alone
/// reads. With ProgramOptions::fused also what a Prologue and an Epilogue (kernels/nn/fusion.h)
/// take of the neighbours of pointwise and depthwise convolutions, and additions into the batch
/// norm that comes last before them; dense convolutions read through where the options say so. In
/// an inspection: nothing.
std::vector<Fusion> find_fusions(const graph::Graph& graph, const ProgramOptions& options);

/// Whether a conv node is a pointwise one.
inline bool is_pointwise(const graph::Node& node) {
  return node.op == graph::OpKind::conv && node.window == nn::Window{};
}

}  // namespace paretiny::program
