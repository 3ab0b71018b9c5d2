// Quantization-aware fine-tuning: a short training of a folded network that computes with the
// numbers its int8 form will have. Jacob et al.: Quantization and training of neural networks for
// efficient integer-arithmetic-only inference, CVPR 2018.
#pragma once

#include "engine/compress/quantize.h"
#include "engine/train/trainer.h"

namespace paretiny::train {

struct FineTuneSpec {
  std::int64_t epochs = 0;      ///< none: the network is quantized as training leaves it
  double learning_rate = 0.01;  ///< the highest, as a share of the training's
};

/// By node, how `quantize` represents its output; empty for a node whose output has no tensor.
std::vector<std::optional<int8::Quantization>> quantization_by_node(
    const graph::Network& folded, const std::vector<compress::ValueRange>& ranges);

/// Trains on, from the first step without a warm-up, as `training` says but for epochs and rate and
/// in f32. Forward, weights and activations are rounded as `quantize` rounds them with these
/// ranges; backward, rounding passes the gradient where it does not clip. The caller quantizes the
/// result with the same ranges. Throws what `train` throws.
TrainingResult fine_tune(Stream& stream, const data::ResidentDataset& data,
                         const graph::Network& folded,
                         const std::vector<compress::ValueRange>& ranges,
                         const TrainingSpec& training, const FineTuneSpec& tuning,
                         std::uint64_t seed, std::stop_token stop = {});

/// Bytes that `fine_tune` would plan beside the data. Only the sizes of `folded` matter.
std::size_t fine_tuning_bytes(Stream& stream, const data::ResidentDataset& data,
                              const graph::Network& folded, const TrainingSpec& training,
                              const FineTuneSpec& tuning);

}  // namespace paretiny::train
