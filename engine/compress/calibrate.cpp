#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/compress/quantize.h"
#include "engine/program/program.h"
#include "kernels/core/random.h"
#include "kernels/core/stop.h"
#include "kernels/int8/value_range.h"

namespace paretiny::compress {
namespace {

/// Every node's output is kept, so that memory goes with the batch. Percentiles are means over the
/// batches: another number gives other ranges.
constexpr std::int64_t kBatch = 64;

}  // namespace

const char* name_of(RangeMethod method) {
  return method == RangeMethod::min_max ? "min_max" : "percentile";
}

std::vector<ValueRange> calibrate(Stream& stream, const graph::Network& folded,
                                  const data::ResidentDataset& data, const CalibrationSpec& spec,
                                  std::uint64_t seed, const std::stop_token& stop) {
  if (spec.samples < 1 || spec.percentile <= 50 || spec.percentile > 100) {
    throw UsageError(
        "calibration needs at least one sample and a percentile above 50 and at most 100");
  }
  const graph::ParameterLayout layout(folded.graph);
  Buffer parameters(stream.device(), folded.parameters.size() * sizeof(float));
  stream.upload(parameters.data(), folded.parameters.data(), parameters.bytes());

  std::vector<std::int32_t> order(static_cast<std::size_t>(data.train.size));
  std::iota(order.begin(), order.end(), 0);
  Random(seed, "calibration").shuffle(order);
  data::BatchSource source(stream, data, data.train);
  source.set_order(stream, order);

  // The last batch, if it is not whole, is left out: its percentiles would weigh too much.
  const std::int64_t samples = std::min(spec.samples, data.train.size);
  const std::int64_t batch = std::min(samples, kBatch);
  program::Program program(folded.graph, layout,
                           {program::ProgramKind::inspection, batch, DType::f32, 0});
  program.bind(stream, static_cast<float*>(parameters.data()), nullptr);
  // Ranges of every node's output in every batch, fetched once: [batches, nodes, low and high].
  const std::int64_t batches = samples / batch;
  const std::int64_t nodes = folded.graph.size();
  const double percentile = spec.method == RangeMethod::percentile ? spec.percentile : 100;
  std::vector<ValueRange> measured(static_cast<std::size_t>(batches * nodes));
  Buffer ends(stream.device(), measured.size() * sizeof(ValueRange));
  for (std::int64_t i = 0; i < batches; ++i) {
    heed(stop, stream);
    source.load(stream, nn::AugmentSpec{}, i * batch, 0, program.input(), program.labels());
    program.forward(stream);
    for (graph::NodeId id = 0; id < nodes; ++id) {
      const auto at = static_cast<std::size_t>(i * nodes + id) * sizeof(ValueRange);
      int8::value_range(stream, percentile, program.output_of(id),
                        ends.at(at, DType::f32, {1, 1, 1, 2}));
    }
  }
  stream.download(measured.data(), ends.data(), ends.bytes());

  std::vector<ValueRange> ranges(static_cast<std::size_t>(nodes));
  for (std::size_t i = 0; i < measured.size(); ++i) {
    const std::size_t node = i % ranges.size();
    const ValueRange now = measured[i];
    if (std::isnan(now.low)) {
      throw DivergedError("node " + folded.graph.node(static_cast<graph::NodeId>(node)).name +
                          " gives values that are not finite; the network cannot be quantized");
    }
    ValueRange& range = ranges[node];
    if (spec.method == RangeMethod::percentile) {
      range.low += now.low / static_cast<float>(batches);
      range.high += now.high / static_cast<float>(batches);
    } else {
      range.low = i == node ? now.low : std::min(range.low, now.low);
      range.high = i == node ? now.high : std::max(range.high, now.high);
    }
  }
  return ranges;
}

}  // namespace paretiny::compress
