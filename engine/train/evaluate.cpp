#include "engine/train/evaluate.h"

#include <algorithm>

#include "base/error.h"
#include "kernels/core/arena.h"
#include "kernels/core/stop.h"

namespace paretiny {
namespace {

constexpr std::int64_t kBatch = 250;

}  // namespace

Evaluator::Evaluator(const Graph& graph, const ParameterLayout& layout, std::int64_t samples,
                     DType dtype, Device device)
    : samples_(samples) {
  if (samples == 0) throw UsageError("nothing to evaluate on: the split holds no samples");
  const auto add = [&](std::int64_t batch, std::int64_t batches) {
    parts_.push_back(
        {Program(graph, layout, {ProgramKind::inference, batch, dtype, 0, fuses_layers(device)}),
         batches, nullptr});
  };
  const std::int64_t batch = std::min(samples, kBatch);
  add(batch, samples / batch);
  if (samples % batch > 0) add(samples % batch, 1);
}

std::size_t Evaluator::arena_bytes() const {
  std::size_t most = 0;
  for (const Part& part : parts_) most = std::max(most, part.program.arena_bytes());
  return most;
}

std::size_t Evaluator::scratch_bytes(Stream& stream) const {
  std::size_t most = 0;
  for (const Part& part : parts_) most = std::max(most, part.program.scratch_bytes(stream));
  return most;
}

void Evaluator::bind(Stream& stream, const BatchSource& source, void* arena, float* parameters) {
  std::vector<std::int32_t> cursors;
  std::int64_t first = 0;
  for (Part& part : parts_) {
    part.program.bind(stream, arena, parameters, nullptr);
    for (std::int64_t i = 0; i < part.batches; ++i) {
      cursors.insert(cursors.end(), {static_cast<std::int32_t>(first), 0});
      first += part.program.options().batch;
    }
  }
  cursors_ = StepTable(stream.device(), static_cast<std::int64_t>(cursors.size()) / 2, 2);
  cursors_.fill(stream, cursors);
  for (Part& part : parts_) {
    part.step = stream.record([this, &stream, &source, &program = part.program] {
      cursors_.next(stream);
      source.load(stream, AugmentSpec{}, cursors_.row(DType::i32, 0, 2), program.input(),
                  program.labels());
      program.forward(stream);
    });
  }
}

Evaluation Evaluator::run(Stream& stream, const std::stop_token& stop) {
  cursors_.rewind(stream);
  double loss = 0;
  double correct = 0;
  for (Part& part : parts_) {
    const View sums = part.program.totals();
    stream.zero(sums.data, sums.bytes());
    for (std::int64_t i = 0; i < part.batches; ++i) {
      heed(stop, stream);
      part.step->run();
    }
    float totals[2];
    stream.download(totals, sums.data, sizeof(totals));
    loss += totals[0];
    correct += totals[1];
  }
  const auto count = static_cast<double>(samples_);
  return {loss / count, correct / count};
}

Evaluation evaluate(Stream& stream, const Network& network, const ResidentDataset& data,
                    const ResidentSplit& split, DType dtype, const std::stop_token& stop) {
  const ParameterLayout layout(network.graph);
  Evaluator evaluator(network.graph, layout, split.size, dtype, stream.device());
  const std::size_t parameter_bytes = network.parameters.size() * sizeof(float);
  const Buffer memory(stream.device(), aligned(parameter_bytes) + evaluator.arena_bytes());
  auto* const parameters = static_cast<float*>(memory.data());
  stream.upload(parameters, network.parameters.data(), parameter_bytes);
  const BatchSource source(stream, data, split);
  evaluator.bind(stream, source, static_cast<std::byte*>(memory.data()) + aligned(parameter_bytes),
                 parameters);
  return evaluator.run(stream, stop);
}

}  // namespace paretiny
