// Static int8 quantization after training: weights per output channel, activations per tensor, in
// ranges measured on training samples. Jacob et al.: Quantization and training of neural networks
// for efficient integer-arithmetic-only inference, CVPR 2018; Krishnamoorthi, 2018.
#pragma once

#include <stop_token>

#include "base/error.h"
#include "engine/compress/int8_network.h"
#include "engine/data/resident.h"
#include "engine/graph/network.h"

namespace paretiny::compress {

/// How the range of an activation tensor follows from the values seen.
enum class RangeMethod {
  min_max,     ///< the least and the largest
  percentile,  ///< mean over the batches of each batch's percentiles at both ends
};

const char* name_of(RangeMethod method);

struct CalibrationSpec {
  std::int64_t samples = 512;  ///< training samples, drawn without replacement
  RangeMethod method = RangeMethod::min_max;
  double percentile = 99.99;  ///< in (50, 100]
};

struct ValueRange {
  float low = 0;
  float high = 0;
};

/// For every node of a network (batch norm folded), the range of its output. Throws UsageError for
/// a spec out of range, DivergedError, naming the node, for values that are not finite, and
/// Interrupted.
std::vector<ValueRange> calibrate(Stream& stream, const graph::Network& folded,
                                  const data::ResidentDataset& data, const CalibrationSpec& spec,
                                  std::uint64_t seed, const std::stop_token& stop = {});

/// The scale and zero point that represent a range, widened to hold 0, with 0 exact.
int8::Quantization quantization_of(ValueRange range);

/// The integer form of a folded network with the given ranges of its nodes. relu and relu6 become
/// the bounds of the convolution or addition before them, other activations tables; pools keep
/// their input's scale. Throws DivergedError, naming the node, for numbers that an int8 network
/// cannot hold (int8_limits.h).
Int8Network quantize(const graph::Network& folded, const std::vector<ValueRange>& ranges);

/// Folds, calibrates and quantizes.
Int8Network quantize(Stream& stream, const graph::Network& network,
                     const data::ResidentDataset& data, const CalibrationSpec& spec,
                     std::uint64_t seed);

}  // namespace paretiny::compress
