#include "engine/train/candidate_plans.h"

#include <algorithm>

namespace paretiny::train {

using compress::PaddedNetwork;
using compress::PruningCriterion;

CandidatePlans::CandidatePlans(Stream& stream, const data::ResidentDataset& data,
                               const TrainingSpec& training, const compress::PruningPlan& pruning,
                               bool validates)
    : stream_(stream),
      data_(data),
      training_(training),
      pruning_(pruning),
      validates_(validates),
      dtype_(activation_type(training.precision, stream.device())),
      prefers_(nn::preferences(stream, dtype_)) {}

program::Program CandidatePlans::training(const PaddedNetwork& network) const {
  return {network.graph(),
          network.layout(),
          {.kind = program::ProgramKind::training,
           .batch = training_.batch,
           .dtype = dtype_,
           .label_smoothing = static_cast<float>(training_.label_smoothing),
           .fused = program::fuses_layers(stream_.device()),
           .reads_through = program::reads_through(stream_, dtype_),
           .bf16_weights = prefers_.bf16_weights}};
}

program::Program CandidatePlans::inspection(const PaddedNetwork& network) const {
  return {network.graph(),
          network.layout(),
          {program::ProgramKind::inspection, training_.batch, dtype_}};
}

std::unique_ptr<Evaluator> CandidatePlans::evaluator(const PaddedNetwork& network) const {
  return std::make_unique<Evaluator>(network.graph(), network.layout(), data_.validation.size,
                                     dtype_, stream_);
}

CandidateSizes CandidatePlans::sizes(const PaddedNetwork& first, int moments) const {
  CandidateSizes sizes;
  sizes.parameters = first.layout().total();
  sizes.trainable = first.layout().trainable_end();
  sizes.moments = moments;
  sizes.cast_weights = prefers_.bf16_weights;
  sizes.gradient_sum = ranks_by(PruningCriterion::taylor);
  if (pruning_.prunes()) {
    sizes.channels = pruning_.groups().array_size();
    // Arrays are compacted through it.
    sizes.work = static_cast<std::size_t>(first.layout().total()) * sizeof(float);
  }
  // A smaller network need not have a smaller plan: which buffers share memory may change.
  for (const graph::Graph& stage : pruning_.stages()) {
    const PaddedNetwork network = padded(stage);
    sizes.work = std::max(sizes.work, training(network).arena_bytes());
    if (validates_) sizes.work = std::max(sizes.work, evaluator(network)->arena_bytes());
    if (ranks_by(PruningCriterion::apoz)) {
      sizes.work = std::max(sizes.work, inspection(network).arena_bytes());
    }
  }
  return sizes;
}

std::size_t CandidatePlans::scratch_bytes(const PaddedNetwork& first) const {
  const std::size_t step = training(first).scratch_bytes(stream_);
  if (!validates_) return step;
  return std::max(step, evaluator(first)->scratch_bytes(stream_));
}

}  // namespace paretiny::train
