// The one description of a network. A Graph is a value: passes take one and return one. Weights
// live beside it, keyed by node (parameters.h).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "kernels/core/tensor.h"
#include "kernels/nn/activation.h"
#include "kernels/nn/window.h"

namespace paretiny::graph {

enum class OpKind {
  input,
  conv,       ///< dense convolution; 1x1 with stride 1 is a pointwise one
  depthwise,  ///< channel multiplier 1
  batch_norm,
  activation,
  add,            ///< two inputs of equal shape: the shortcut, then the branch
  channel_scale,  ///< inputs: [h, w, c] and [1, 1, c]
  max_pool,
  average_pool,
  global_average_pool,
  fully_connected,  ///< flattens its input
};

const char* name_of(OpKind op);

using NodeId = int;

/// Rows, columns and channels of a node's output are at most so many: exported code counts them in
/// 16 bits, model files too.
inline constexpr std::int64_t kMostExtent = 65535;

struct Node {
  std::string name{};  ///< unique in its graph
  OpKind op = OpKind::input;
  std::vector<NodeId> inputs{};                      ///< ids of earlier nodes
  Shape output{};                                    ///< of one sample, n = 1
  nn::Window window{};                               ///< conv, depthwise, pools
  bool bias = false;                                 ///< conv, depthwise, fully_connected
  nn::Activation activation = nn::Activation::none;  ///< activation
  float epsilon = 1e-5f;                             ///< batch_norm
  float momentum = 0.1f;                             ///< batch_norm: weight of the new statistics

  friend bool operator==(const Node&, const Node&) = default;
};

/// Nodes in an order in which they can be evaluated: node 0 is the input, the last the output.
class Graph {
 public:
  /// Shapes are inferred as nodes are added; every function returns the new node's id. They throw
  /// UsageError, naming the node, when the shapes cannot be or an extent is above kMostExtent.
  NodeId input(const Shape& sample);
  NodeId conv(const std::string& name, NodeId from, std::int64_t channels, const nn::Window& window,
              bool bias = false);
  NodeId depthwise(const std::string& name, NodeId from, const nn::Window& window,
                   bool bias = false);
  NodeId batch_norm(const std::string& name, NodeId from, float epsilon = 1e-5f,
                    float momentum = 0.1f);
  NodeId activation(const std::string& name, NodeId from, nn::Activation activation);
  NodeId add(const std::string& name, NodeId a, NodeId b);
  NodeId channel_scale(const std::string& name, NodeId from, NodeId scale);
  NodeId max_pool(const std::string& name, NodeId from, const nn::Window& window);
  NodeId average_pool(const std::string& name, NodeId from, const nn::Window& window);
  NodeId global_average_pool(const std::string& name, NodeId from);
  NodeId fully_connected(const std::string& name, NodeId from, std::int64_t features,
                         bool bias = true);

  const std::vector<Node>& nodes() const { return nodes_; }
  const Node& node(NodeId id) const { return nodes_[static_cast<std::size_t>(id)]; }
  NodeId size() const { return static_cast<NodeId>(nodes_.size()); }
  NodeId output() const { return size() - 1; }
  /// Shape of one sample that node `id` reads first.
  const Shape& input_of(NodeId id) const { return node(node(id).inputs.front()).output; }
  /// For every node, the nodes that read it, in order.
  std::vector<std::vector<NodeId>> consumers() const;

  /// The same graph with other numbers of output channels: `channels[id]` for each conv and
  /// fully_connected node (others are ignored); every shape is inferred anew.
  Graph with_channels(const std::vector<std::int64_t>& channels) const;

  friend bool operator==(const Graph&, const Graph&) = default;

 private:
  NodeId append(Node node, std::int64_t channels);

  std::vector<Node> nodes_;
};

/// Shape of one sample that `node` gives for its inputs' shapes. `channels`: output channels of a
/// conv or fully_connected node. Throws UsageError.
Shape infer_shape(const Node& node, const std::vector<Shape>& inputs, std::int64_t channels);

/// Multiply-accumulates of one inference of a node (conv, depthwise, fully_connected; 0 for others)
/// and of a graph: the count MLPerf Tiny quotes.
std::int64_t macs(const Graph& graph, NodeId id);
std::int64_t macs(const Graph& graph);

/// JSON form; reading throws DataError naming the node and field.
nlohmann::json to_json(const Graph& graph);
Graph graph_from_json(const nlohmann::json& json);

}  // namespace paretiny::graph
