#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/compress/quantize.h"
#include "engine/program/program.h"
#include "kernels/random.h"

namespace paretiny {
namespace {

constexpr std::int64_t kBatch = 64;

/// The range of one batch's values, which are reordered.
ValueRange range_of(std::vector<float>& values, const CalibrationSpec& spec) {
  if (spec.method == RangeMethod::min_max) {
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    return {*low, *high};
  }
  const auto last = static_cast<double>(values.size() - 1);
  const auto high = static_cast<std::ptrdiff_t>(std::ceil(last * spec.percentile / 100));
  const auto low = static_cast<std::ptrdiff_t>(last) - high;
  const auto at = [&](std::ptrdiff_t rank) {
    std::nth_element(values.begin(), values.begin() + rank, values.end());
    return values[static_cast<std::size_t>(rank)];
  };
  return {at(low), at(high)};
}

}  // namespace

const char* name_of(RangeMethod method) {
  return method == RangeMethod::min_max ? "min_max" : "percentile";
}

std::vector<ValueRange> calibrate(Stream& stream, const Network& folded,
                                  const ResidentDataset& data, const CalibrationSpec& spec,
                                  std::uint64_t seed) {
  if (spec.samples < 1 || spec.percentile <= 50 || spec.percentile > 100) {
    throw UsageError(
        "calibration needs at least one sample and a percentile above 50 and at most 100");
  }
  const ParameterLayout layout(folded.graph);
  Buffer parameters(stream.device(), folded.parameters.size() * sizeof(float));
  stream.upload(parameters.data(), folded.parameters.data(), parameters.bytes());

  std::vector<std::int32_t> order(static_cast<std::size_t>(data.train.size));
  std::iota(order.begin(), order.end(), 0);
  Random(seed, "calibration").shuffle(order);
  BatchSource source(stream, data, data.train);
  source.set_order(stream, order);

  // The last batch, if it is not whole, is left out: its percentiles would weigh too much.
  const std::int64_t samples = std::min(spec.samples, data.train.size);
  const std::int64_t batch = std::min(samples, kBatch);
  Program program(folded.graph, layout, {ProgramKind::inspection, batch, DType::f32, 0});
  program.bind(stream, static_cast<float*>(parameters.data()), nullptr);
  std::vector<ValueRange> ranges(static_cast<std::size_t>(folded.graph.size()));
  const std::int64_t batches = samples / batch;
  for (std::int64_t i = 0; i < batches; ++i) {
    source.load(stream, AugmentSpec{}, i * batch, 0, program.input(), program.labels());
    program.forward(stream);
    for (NodeId id = 0; id < folded.graph.size(); ++id) {
      const View output = program.output_of(id);
      std::vector<float> values(static_cast<std::size_t>(output.elements()));
      stream.download(values.data(), output.data, output.bytes());
      if (!std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); })) {
        throw DivergedError("node " + folded.graph.node(id).name +
                            " gives values that are not finite; the network cannot be quantized");
      }
      const ValueRange now = range_of(values, spec);
      ValueRange& range = ranges[static_cast<std::size_t>(id)];
      if (spec.method == RangeMethod::percentile) {
        range.low += now.low / static_cast<float>(batches);
        range.high += now.high / static_cast<float>(batches);
      } else {
        range.low = i == 0 ? now.low : std::min(range.low, now.low);
        range.high = i == 0 ? now.high : std::max(range.high, now.high);
      }
    }
  }
  return ranges;
}

}  // namespace paretiny
