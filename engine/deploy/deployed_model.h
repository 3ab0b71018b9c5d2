// What goes to a microcontroller: the int8 network and what its caller must know.
#pragma once

#include <string>
#include <vector>

#include "engine/compress/int8_network.h"
#include "engine/data/dataset.h"

namespace paretiny::deploy {

struct DeployedModel {
  std::string name;  ///< for people: "cifar10-resnet8, trial 7"
  compress::Int8Network network;
  std::vector<std::string> classes;
  /// Network input = value * scale[c] + shift[c], then quantized.
  std::vector<float> scale, shift;
};

/// An input and what the network makes of it, as int8.
struct RecordedRun {
  std::vector<std::int8_t> input;
  std::vector<std::int8_t> output;
};

/// Runs of random inputs, computed on the CPU: `count` of a seed's runs, from `first`.
std::vector<RecordedRun> record_runs(const compress::Int8Network& network, std::int64_t count,
                                     std::uint64_t seed, std::int64_t first = 0);
/// The same of samples. Throws UsageError when their shape is not the network's input, or there are
/// not as many.
std::vector<RecordedRun> record_runs(const DeployedModel& model, const data::Samples& samples,
                                     std::int64_t count, std::int64_t first = 0);

}  // namespace paretiny::deploy
