// Static post-training quantization: a trained float network becomes an int8 one.
#pragma once

#include <cstdint>

#include "engine/compress/int8_network.h"
#include "engine/train/trainer.h"

namespace paretiny {

/// The [quantization] table of an experiment.
struct QuantizationSpec {
  std::int64_t samples = 512;  ///< training samples that activation ranges are measured on
  double percentile = 100;     ///< of the values a range covers; 100: minimum to maximum
};

/// Folds batch norm, measures activation ranges on the first training samples (not augmented), and
/// quantizes: weights per output channel, symmetric, [-127, 127]; activations per tensor (Jacob et
/// al.: Quantization and training of neural networks for efficient integer-arithmetic-only
/// inference, CVPR 2018).
Int8Network quantize(Stream& stream, const Network& network, const ResidentDataset& data,
                     const QuantizationSpec& spec);

/// Accuracy over a split, computed in integers. Throws UsageError for an empty split.
double int8_accuracy(Stream& stream, const Int8Network& network, const ResidentDataset& data,
                     const ResidentSplit& split);

}  // namespace paretiny
