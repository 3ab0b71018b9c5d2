// What pruning criteria look at beside the weights, measured over a few batches.
#pragma once

#include <functional>
#include <vector>

#include "engine/program/program.h"

namespace paretiny {

/// Fills the input and labels of a program with batch `i`.
using LoadBatch = std::function<void(const Program&, std::int64_t i)>;

/// Gradients [layout.trainable_end()] averaged over batches 0 .. batches-1, in device memory.
/// `program` is a training program tied to `parameters` and `gradients`; the parameters are left as
/// they were, running statistics among them.
Buffer mean_gradients(Stream& stream, const Program& program, const ParameterLayout& layout,
                      float* parameters, const float* gradients, std::int64_t batches,
                      const LoadBatch& load);

/// For each activation node of `graph`, the share of its output's values that are positive, by
/// channel, over batches 0 .. batches-1; empty for other nodes. `program` is an inspection program.
std::vector<std::vector<float>> positive_shares(Stream& stream, const Program& program,
                                                const Graph& graph, std::int64_t batches,
                                                const LoadBatch& load);

}  // namespace paretiny
