// What every training has in common: batches drawn by epoch, a step that is recorded once and
// replayed, the optimiser. Private to this folder.
#pragma once

#include <memory>
#include <stop_token>

#include "engine/data/resident.h"
#include "engine/data/step_table.h"
#include "engine/program/program.h"
#include "engine/train/candidate_memory.h"
#include "engine/train/spec.h"

namespace paretiny::train {

/// What an epoch gave.
struct EpochTotals {
  double loss = 0;  ///< means over the epoch's samples
  double accuracy = 0;
  double learning_rate = 0;  ///< of the last step
  double seconds = 0;
  double samples = 0;  ///< that those seconds went to: fewer where the epoch was gone on with
};

/// How far an epoch has come.
struct EpochProgress {
  std::int64_t steps = 0;
  float loss = 0, hits = 0;  ///< sums over their samples, as the device holds them
};

class TrainingLoop {
 public:
  /// The data must outlive the loop. Throws UsageError when the batch is larger than the split.
  TrainingLoop(Stream& stream, const data::ResidentDataset& data, const TrainingSpec& training,
               std::uint64_t seed);
  TrainingLoop(const TrainingLoop&) = delete;

  std::int64_t steps() const { return steps_; }  ///< an epoch
  std::size_t bytes() const { return source_.bytes() + table_.bytes(); }
  int moments() const { return adam() ? 2 : 1; }

  /// Zeros: the optimiser's state of a fresh network.
  void clear_moments(const CandidateMemory& memory, const graph::ParameterLayout& layout);
  /// Records the step of a bound training program; all of these must outlive it or the next call.
  /// Casts the weights where the step reads them in bf16, however they came to be what they are.
  void record(const program::Program& program, const graph::ParameterLayout& layout,
              const CandidateMemory& memory);
  /// Runs an epoch counted from 0, or what is left of it. Batches are drawn without replacement,
  /// keyed by (seed, epoch). Throws DivergedError, and Interrupted once the steps given to the
  /// device are done; `progress` says then how many.
  EpochTotals epoch(std::int64_t index, const std::stop_token& stop, EpochProgress from = {});
  const EpochProgress& progress() const { return progress_; }

  /// The order of an epoch's samples, and its batch `i` outside a recorded step.
  void shuffle(std::int64_t epoch);
  void load(const program::Program& program, std::int64_t i, std::int64_t epoch);

 private:
  bool adam() const { return training_.optimizer != Optimizer::sgd; }
  nn::AugmentSpec augment() const;
  void update(const graph::ParameterLayout& layout, const CandidateMemory& memory) const;
  void update(const CandidateMemory& memory, std::int64_t begin, std::int64_t end,
              float decay) const;

  Stream& stream_;
  const TrainingSpec training_;
  const std::uint64_t seed_;
  const std::int64_t samples_;
  const std::int64_t steps_;
  data::BatchSource source_;
  data::StepTable table_;
  View totals_{};
  EpochProgress progress_;
  std::unique_ptr<Recording> step_;
};

}  // namespace paretiny::train
