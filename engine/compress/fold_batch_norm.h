// Batch norm folded into the layer before it: what an int8 network and its footprint start from.
#pragma once

#include "engine/graph/network.h"

namespace paretiny::compress {

/// The same function with every batch norm absorbed: w' = w * gamma / sqrt(var + epsilon),
/// b' = beta + (b - mean) * gamma / sqrt(var + epsilon), in double precision. The layer keeps its
/// name and gains a bias. Throws UsageError, naming the node, for a batch norm that does not follow
/// a layer with weights which nothing else reads.
graph::Network fold_batch_norm(const graph::Network& network);

}  // namespace paretiny::compress
