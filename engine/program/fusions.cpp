#include "engine/program/fusions.h"

#include <algorithm>

namespace paretiny::program {

using graph::NodeId;
using graph::OpKind;

namespace {

class Finder {
 public:
  Finder(const graph::Graph& graph, const ProgramOptions& options)
      : graph_(graph),
        options_(options),
        training_(options.kind == ProgramKind::training),
        consumers_(graph.consumers()),
        found_(static_cast<std::size_t>(graph.size())) {}

  void activations() {
    for (NodeId id = 0; id < graph_.size(); ++id) {
      const NodeId reader = only_reader(id);
      if (reader < 0 || op(reader) != OpKind::activation) continue;
      const nn::Activation activation = graph_.node(reader).activation;
      const bool clamp = activation == nn::Activation::relu || activation == nn::Activation::relu6;
      if (op(id) == OpKind::batch_norm || (op(id) == OpKind::add && clamp)) take(id, reader);
    }
  }

  void epilogues() {
    for (NodeId id = 0; id < graph_.size(); ++id) {
      const bool gives_statistics = training_ && op(id) == OpKind::conv;
      if (!takes_fusions(id) && !gives_statistics) continue;
      NodeId last = id;
      const NodeId norm = only_reader(id);
      if (norm >= 0 && op(norm) == OpKind::batch_norm) {
        at(id).norm = norm;
        // The gradient of what follows needs the raw output.
        if (training_) continue;
        merge(id, norm);
        last = norm;
      }
      if (training_ || at(id).activation != nn::Activation::none) continue;
      const NodeId next = only_reader(last);
      if (next < 0) continue;
      if (op(next) == OpKind::activation) take(id, next);
      if (op(next) == OpKind::add && addend(next, last) < id) {
        at(id).sum = next;
        merge(id, next);
      }
    }
  }

  /// Of batch norms that have a step of their own.
  void additions() {
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (op(id) != OpKind::batch_norm || at(id).into >= 0) continue;
      if (at(id).activation != nn::Activation::none) continue;
      const NodeId next = only_reader(id);
      if (next < 0 || op(next) != OpKind::add || at(next).into >= 0) continue;
      if (addend(next, id) >= id) continue;
      at(id).sum = next;
      merge(id, next);
    }
  }

  void prologues() {
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (op(id) == OpKind::channel_scale) {
        const NodeId reader = only_reader(id);
        at(id).by_readers = reader >= 0 && is_pointwise(graph_.node(reader));
      } else if (op(id) == OpKind::batch_norm && at(id).into < 0 && at(id).sum < 0) {
        // In training somebody must have taken the statistics.
        const bool known = !training_ || at(graph_.node(id).inputs[0]).norm == id;
        const std::vector<NodeId>& readers = consumers(last_of(id));
        at(id).by_readers = known && std::all_of(readers.begin(), readers.end(),
                                                 [&](NodeId each) { return reads_through(each); });
      }
    }
  }

  std::vector<Fusion> result() && { return std::move(found_); }

 private:
  OpKind op(NodeId id) const { return graph_.node(id).op; }
  Fusion& at(NodeId id) { return found_[static_cast<std::size_t>(id)]; }
  const std::vector<NodeId>& consumers(NodeId id) const {
    return consumers_[static_cast<std::size_t>(id)];
  }
  NodeId only_reader(NodeId id) const {
    return consumers(id).size() == 1 ? consumers(id).front() : -1;
  }
  bool takes_fusions(NodeId id) const {
    return op(id) == OpKind::depthwise || is_pointwise(graph_.node(id));
  }
  bool reads_through(NodeId id) const {
    if (takes_fusions(id)) return true;
    const graph::Node& node = graph_.node(id);
    if (node.op != OpKind::conv || !options_.reads_through) return false;
    Shape in = graph_.input_of(id);
    in.n = options_.batch;
    return options_.reads_through(nn::ConvShape{in, node.output.c, node.window});
  }
  /// What `sum` adds to `known`.
  NodeId addend(NodeId sum, NodeId known) const {
    const std::vector<NodeId>& inputs = graph_.node(sum).inputs;
    return inputs[0] == known ? inputs[1] : inputs[0];
  }
  /// The activation that node `id` applies, if there is one, else `id`.
  NodeId last_of(NodeId id) {
    return at(id).activation == nn::Activation::none ? id : only_reader(id);
  }

  void take(NodeId id, NodeId activation) {
    at(id).activation = graph_.node(activation).activation;
    at(activation).into = id;
  }
  /// Moves the work of `other`, its activation included, to node `id`.
  void merge(NodeId id, NodeId other) {
    at(other).into = id;
    at(id).activation = at(other).activation;
  }

  const graph::Graph& graph_;
  const ProgramOptions& options_;
  const bool training_;
  const std::vector<std::vector<NodeId>> consumers_;
  std::vector<Fusion> found_;
};

}  // namespace

std::vector<Fusion> find_fusions(const graph::Graph& graph, const ProgramOptions& options) {
  Finder finder(graph, options);
  if (options.kind != ProgramKind::inspection) {
    finder.activations();
    if (options.fused) {
      finder.epilogues();
      finder.additions();
      finder.prologues();
    }
  }
  return std::move(finder).result();
}

}  // namespace paretiny::program
