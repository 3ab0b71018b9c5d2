// Training a network on a data set that lies on the device, pruning it as it goes.
#pragma once

#include <functional>
#include <stop_token>
#include <vector>

#include "base/error.h"
#include "engine/compress/pruning_spec.h"
#include "engine/data/resident.h"
#include "engine/graph/network.h"
#include "engine/train/checkpoint.h"
#include "engine/train/evaluate.h"
#include "engine/train/spec.h"
#include "kernels/core/stream.h"

namespace paretiny::train {

struct EpochReport {
  std::int64_t epoch = 0;  ///< counted from 1
  std::int64_t epochs = 0;
  double loss = 0;  ///< mean over the epoch's training samples
  double train_accuracy = 0;
  double validation_accuracy = 0;  ///< NaN without a validation split
  double learning_rate = 0;        ///< of the epoch's last step
  double sparsity = 0;             ///< share of the prunable channels removed so far
  double samples_per_second = 0;
  double seconds = 0;  ///< training alone
};

struct TrainingResult {
  graph::Network network;
  std::size_t planned_bytes = 0;  ///< on the device: data, the candidate's block and scratch
};

/// Trains a fresh network. Batches are drawn without replacement, keyed by (seed, epoch); a last
/// partial batch is left out. Pruned channels leave weights, statistics and optimiser state at the
/// start of an epoch. Within an epoch the host waits for the device only at its end.
/// Throws DivergedError, Interrupted (once the steps given to the device are done), OutOfMemory
/// before the first step when the plan does not fit the device's free memory, UsageError when the
/// batch is larger than the split. Where `continuation` brings a checkpoint, epochs that it has
/// behind it are not reported again.
TrainingResult train(Stream& stream, const data::ResidentDataset& data, const graph::Graph& graph,
                     const TrainingSpec& training, const compress::PruningSpec& pruning,
                     std::uint64_t seed, const std::function<void(const EpochReport&)>& report = {},
                     std::stop_token stop = {}, const Continuation& continuation = {});

/// Bytes that `train` would plan beside the data, with validation after each epoch where there is a
/// split for it. Throws UsageError as it does.
std::size_t training_bytes(Stream& stream, const data::ResidentDataset& data,
                           const graph::Graph& graph, const TrainingSpec& training,
                           const compress::PruningSpec& pruning);

}  // namespace paretiny::train
