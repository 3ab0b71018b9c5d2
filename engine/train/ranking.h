// What pruning criteria look at beside the weights, measured over a few batches.
#pragma once

#include <functional>

#include "engine/compress/channel_groups.h"
#include "engine/program/program.h"

namespace paretiny::train {

/// Fills the input and labels of a program with batch `i`.
using LoadBatch = std::function<void(const program::Program&, std::int64_t i)>;

/// The sum of the gradients over batches 0 .. batches-1, in sum[0 .. layout.trainable_end()) in
/// device memory, which has room for layout.total() floats. `program` is a training program tied to
/// `parameters` and `gradients`; the parameters are left as they were, running statistics among
/// them, also where `load` throws Interrupted.
void sum_gradients(Stream& stream, const program::Program& program,
                   const graph::ParameterLayout& layout, float* parameters, float* gradients,
                   std::int64_t batches, const LoadBatch& load, float* sum);

/// Adds to `scores` [1, 1, 1, groups.array_size()] f32, for each activation node of `graph`, the
/// share of its output's values that are positive, by channel, over batches 0 .. batches-1.
/// `program` is an inspection program.
void add_positive_shares(Stream& stream, const program::Program& program, const graph::Graph& graph,
                         const compress::ChannelGroups& groups, std::int64_t batches,
                         const LoadBatch& load, View scores);

}  // namespace paretiny::train
