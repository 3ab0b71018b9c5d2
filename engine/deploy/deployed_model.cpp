#include "engine/deploy/deployed_model.h"

#include <fmt/core.h>

#include <cstring>

#include "base/error.h"
#include "engine/compress/int8_program.h"
#include "kernels/core/random.h"
#include "kernels/int8/int8.h"

namespace paretiny::deploy {
namespace {

/// Downloads int8 rows, one a run.
void take_rows(Stream& stream, ConstView from, std::vector<RecordedRun>& runs,
               std::vector<std::int8_t> RecordedRun::*member) {
  const auto row = static_cast<std::size_t>(from.shape.elements()) / runs.size();
  std::vector<std::int8_t> all(row * runs.size());
  stream.download(all.data(), from.data, all.size());
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto begin = all.cbegin() + static_cast<std::ptrdiff_t>(i * row);
    (runs[i].*member).assign(begin, begin + static_cast<std::ptrdiff_t>(row));
  }
}

/// Runs of inputs as the network takes them before they are quantized, one after the other.
std::vector<RecordedRun> record(const compress::Int8Network& network,
                                const std::vector<float>& values, std::int64_t count) {
  const auto stream = Stream::create({DeviceKind::cpu, 0});
  const compress::Int8Program program(*stream, network, count);
  const Buffer bytes(stream->device(), values.size());
  const View quantized = bytes.at(0, DType::i8, program.input().shape);
  stream->upload(program.input().data, values.data(), values.size() * sizeof(float));
  int8::int8_quantize(*stream, network.input().quantization, program.input(), quantized);
  program.run(*stream);
  std::vector<RecordedRun> runs(static_cast<std::size_t>(count));
  take_rows(*stream, quantized, runs, &RecordedRun::input);
  take_rows(*stream, program.output(), runs, &RecordedRun::output);
  return runs;
}

}  // namespace

std::vector<RecordedRun> record_runs(const compress::Int8Network& network, std::int64_t count,
                                     std::uint64_t seed, std::int64_t first) {
  const int8::Quantization& q = network.input().quantization;
  std::vector<float> values;
  for (std::int64_t run = first; run < first + count; ++run) {
    Random random(seed, "recorded runs", static_cast<std::uint64_t>(run));
    for (std::int64_t i = 0; i < network.input().shape.elements(); ++i) {
      const int byte = static_cast<int>(random.below(256)) - 128;
      values.push_back(static_cast<float>(byte - q.zero_point) * q.scale);
    }
  }
  return record(network, values, count);
}

std::vector<RecordedRun> record_runs(const DeployedModel& model, const data::Samples& samples,
                                     std::int64_t count, std::int64_t first) {
  const Shape& shape = samples.sample;
  if (shape != model.network.input().shape) {
    const Shape& taken = model.network.input().shape;
    throw UsageError(fmt::format("a sample is {}x{}x{} and the network takes {}x{}x{}", shape.h,
                                 shape.w, shape.c, taken.h, taken.w, taken.c));
  }
  if (first + count > samples.size()) {
    throw UsageError(fmt::format("{} runs need as many samples, and there are {}", first + count,
                                 samples.size()));
  }
  const auto channels = static_cast<std::size_t>(shape.c);
  const auto begin = static_cast<std::size_t>(first * shape.elements());
  std::vector<float> values(static_cast<std::size_t>(count * shape.elements()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::byte* stored = samples.values.data() + (begin + i) * size_of(samples.dtype);
    float value = 0;
    if (samples.dtype == DType::u8) {
      value = static_cast<float>(std::to_integer<int>(*stored));
    } else {
      std::memcpy(&value, stored, sizeof value);
    }
    values[i] = value * model.scale[i % channels] + model.shift[i % channels];
  }
  return record(model.network, values, count);
}

}  // namespace paretiny::deploy
