// Which nodes are computed together once a network runs in integers.
#pragma once

#include <vector>

#include "engine/graph/graph.h"

namespace paretiny::graph {

/// By node, the one whose step computes its output: the layer before a batch norm; the convolution,
/// fully connected layer or addition before a relu or relu6 that alone reads it (also through a
/// batch norm); else the node itself. A clamp after anything else, a second one too, is a step of
/// its own.
std::vector<NodeId> step_nodes(const Graph& graph);

}  // namespace paretiny::graph
