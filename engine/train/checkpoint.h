// A training between two of its steps, as bytes. One that is left and gone on with ends with the
// bytes of one that never was: in both, what follows depends on these numbers alone.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/compress/pruning_spec.h"
#include "engine/data/resident.h"
#include "engine/graph/graph.h"
#include "engine/train/spec.h"
#include "kernels/core/stream.h"

namespace paretiny::train {

/// What the result of a training depends on besides its course, by name for people.
using TrainingIdentity = std::map<std::string, std::string>;

/// Network, data, training, pruning, seed, type of activations, device and, on the CPU, the number
/// of threads.
TrainingIdentity training_identity(const Stream& stream, const data::ResidentDataset& data,
                                   const graph::Graph& graph, const TrainingSpec& training,
                                   const compress::PruningSpec& pruning, std::uint64_t seed);

/// In host memory.
struct TrainingCheckpoint {
  TrainingIdentity identity{};
  std::int64_t epoch = 0;                ///< counted from 0: the one that goes on, or is next
  std::int64_t steps = 0;                ///< of that epoch that are done
  float loss = 0, hits = 0;              ///< sums over the samples of these steps
  std::vector<std::int64_t> channels{};  ///< of each channel group: some may be pruned
  std::vector<float> parameters{};       ///< [layout.total()] of the network with these channels
  std::vector<float> first_moment{};     ///< [layout.trainable_end()]
  std::vector<float> second_moment{};    ///< the same; empty but for Adam
};

std::vector<std::uint8_t> to_bytes(const TrainingCheckpoint& checkpoint);
/// Throws DataError for bytes that are no checkpoint, of another version, cut short or damaged.
TrainingCheckpoint checkpoint_from_bytes(std::span<const std::uint8_t> bytes);

/// Throws DataError, saying what differs, unless `checkpoint` was made by a training of `identity`.
void check_identity(const TrainingCheckpoint& checkpoint, const TrainingIdentity& identity);

/// How a training is left and gone on with. All may be empty.
struct Continuation {
  /// A checkpoint to go on from. One that is damaged or of another training is refused: `refused`
  /// is told why, in one sentence, and training starts at its beginning.
  std::vector<std::uint8_t> from{};
  std::function<void(const std::string& why)> refused{};
  /// What else the result depends on, such as the program's commit.
  TrainingIdentity context{};
  /// Asked after each epoch's report, the last one too, with the number of epochs that are done:
  /// whether `keep` shall have a checkpoint.
  std::function<bool(std::int64_t epochs)> wanted{};
  /// Takes a checkpoint: where `wanted` says so and, also within an epoch, before a training throws
  /// Interrupted. What it throws ends the training.
  std::function<void(std::vector<std::uint8_t> bytes)> keep{};
};

}  // namespace paretiny::train
