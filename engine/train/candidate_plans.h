// The programs that a candidate runs while it is trained, at any stage of its pruning. Private to
// this folder.
#pragma once

#include <memory>

#include "engine/compress/padding.h"
#include "engine/compress/pruning_plan.h"
#include "engine/data/resident.h"
#include "engine/program/program.h"
#include "engine/train/candidate_memory.h"
#include "engine/train/evaluate.h"
#include "engine/train/spec.h"
#include "kernels/nn/preferences.h"

namespace paretiny::train {

class CandidatePlans {
 public:
  /// All of these must outlive it. validates: after each epoch.
  CandidatePlans(Stream& stream, const data::ResidentDataset& data, const TrainingSpec& training,
                 const compress::PruningPlan& pruning, bool validates);

  bool validates() const { return validates_; }
  bool ranks_by(compress::PruningCriterion criterion) const {
    return pruning_.prunes() && pruning_.spec().criterion == criterion;
  }

  /// The network as the device computes it.
  compress::PaddedNetwork padded(const graph::Graph& stage) const {
    return {stage, prefers_.channel_multiple};
  }
  program::Program training(const compress::PaddedNetwork& network) const;
  /// For shares of positive outputs.
  program::Program inspection(const compress::PaddedNetwork& network) const;
  std::unique_ptr<Evaluator> evaluator(const compress::PaddedNetwork& network) const;

  /// What all stages take at most, the first of which is `first`.
  CandidateSizes sizes(const compress::PaddedNetwork& first, int moments) const;
  std::size_t scratch_bytes(const compress::PaddedNetwork& first) const;

 private:
  Stream& stream_;
  const data::ResidentDataset& data_;
  const TrainingSpec& training_;
  const compress::PruningPlan& pruning_;
  const bool validates_;
  const DType dtype_;
  const nn::Preferences prefers_;
};

}  // namespace paretiny::train
