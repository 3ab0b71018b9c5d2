// What an int8 network asks of the memory plan: from its graph, before training, or from its
// integers; both give the same problem.
#pragma once

#include "engine/compress/int8_network.h"
#include "engine/deploy/plan/activation_plan.h"
#include "engine/graph/graph.h"

namespace paretiny::deploy {

/// How far the kernels of the target let an output lie over its input.
enum class Overlap {
  elementwise,  ///< in place where input and output have the same place
  sliding,      ///< also convolutions and pools, as our own kernels do
};

/// Batch norm and the clamps that a layer takes in have no tensor of their own.
MemoryProblem memory_problem(const graph::Graph& graph, Overlap overlap = Overlap::sliding);
MemoryProblem memory_problem(const compress::Int8Network& network,
                             Overlap overlap = Overlap::sliding);

}  // namespace paretiny::deploy
