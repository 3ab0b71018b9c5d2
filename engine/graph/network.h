// A graph and its weights.
#pragma once

#include <vector>

#include "engine/graph/graph.h"
#include "engine/graph/parameters.h"

namespace paretiny::graph {

/// A network with its weights, in host memory. `parameters` is laid out by ParameterLayout(graph).
struct Network {
  Graph graph;
  std::vector<float> parameters;
};

}  // namespace paretiny::graph
