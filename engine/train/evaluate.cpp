#include "engine/train/evaluate.h"

#include <algorithm>

#include "base/error.h"
#include "engine/compress/int8_program.h"
#include "kernels/core/arena.h"
#include "kernels/core/stop.h"

namespace paretiny::train {
namespace {

/// Divides the 500, 5,000 and 10,000 samples of common splits, and is large enough that a batch
/// keeps every core busy.
constexpr std::int64_t kBatch = 250;

/// Batches of one size, the first at sample `first`.
struct BatchRun {
  std::int64_t first, size, count;
};

/// A split in whole batches, and what is left of it in one more.
std::vector<BatchRun> batch_runs(std::int64_t samples) {
  if (samples == 0) throw UsageError("nothing to evaluate on: the split holds no samples");
  const std::int64_t size = std::min(samples, kBatch);
  const std::int64_t whole = samples / size * size;
  std::vector<BatchRun> runs{{0, size, samples / size}};
  if (whole < samples) runs.push_back({whole, samples - whole, 1});
  return runs;
}

/// The cursors (BatchSource) of a run's batches.
void add_cursors(const BatchRun& run, std::vector<std::int32_t>& cursors) {
  for (std::int64_t i = 0; i < run.count; ++i) {
    cursors.insert(cursors.end(), {static_cast<std::int32_t>(run.first + i * run.size), 0});
  }
}

data::StepTable cursor_table(Stream& stream, const std::vector<std::int32_t>& cursors) {
  data::StepTable table(stream.device(), static_cast<std::int64_t>(cursors.size()) / 2, 2);
  table.fill(stream, cursors);
  return table;
}

/// How many labels are the first of the largest logits [labels, classes].
std::int64_t count_right(const std::vector<std::int8_t>& logits,
                         const std::vector<std::int32_t>& labels) {
  const auto classes = static_cast<std::ptrdiff_t>(logits.size() / labels.size());
  std::int64_t right = 0;
  auto row = logits.cbegin();
  for (const std::int32_t label : labels) {
    right += std::max_element(row, row + classes) - row == label ? 1 : 0;
    row += classes;
  }
  return right;
}

/// How many samples of a run the int8 network classifies rightly.
std::int64_t right_of(Stream& stream, const compress::Int8Network& network,
                      const data::BatchSource& source, const BatchRun& run,
                      const std::stop_token& stop) {
  const compress::Int8Program program(stream, network, run.size);
  std::vector<std::int32_t> cursors;
  add_cursors(run, cursors);
  const data::StepTable table = cursor_table(stream, cursors);
  const Buffer labels(stream.device(), static_cast<std::size_t>(run.size) * sizeof(std::int32_t));
  const auto step = stream.record([&] {
    table.next(stream);
    source.load(stream, nn::AugmentSpec{}, table.row(DType::i32, 0, 2), program.input(),
                labels.at(0, DType::i32, {1, 1, 1, run.size}));
    program.run(stream);
  });
  std::vector<std::int32_t> wanted(static_cast<std::size_t>(run.size));
  std::vector<std::int8_t> logits(program.output().bytes());
  std::int64_t right = 0;
  for (std::int64_t i = 0; i < run.count; ++i) {
    heed(stop, stream);
    step->run();
    stream.download(wanted.data(), labels.data(), labels.bytes());
    stream.download(logits.data(), program.output().data, logits.size());
    right += count_right(logits, wanted);
  }
  return right;
}

}  // namespace

Evaluator::Evaluator(const graph::Graph& graph, const graph::ParameterLayout& layout,
                     std::int64_t samples, DType dtype, Stream& stream)
    : samples_(samples) {
  for (const BatchRun& run : batch_runs(samples)) {
    parts_.push_back({program::Program(graph, layout,
                                       {.kind = program::ProgramKind::inference,
                                        .batch = run.size,
                                        .dtype = dtype,
                                        .fused = program::fuses_layers(stream.device()),
                                        .reads_through = program::reads_through(stream, dtype)}),
                      run.count, nullptr});
  }
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

void Evaluator::bind(Stream& stream, const data::BatchSource& source, void* arena,
                     float* parameters) {
  std::vector<std::int32_t> cursors;
  for (const BatchRun& run : batch_runs(samples_)) add_cursors(run, cursors);
  cursors_ = cursor_table(stream, cursors);
  for (Part& part : parts_) part.program.bind(stream, arena, parameters, nullptr);
  for (Part& part : parts_) {
    part.step = stream.record([this, &stream, &source, &program = part.program] {
      cursors_.next(stream);
      source.load(stream, nn::AugmentSpec{}, cursors_.row(DType::i32, 0, 2), program.input(),
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

Evaluation evaluate(Stream& stream, const graph::Network& network,
                    const data::ResidentDataset& data, const data::ResidentSplit& split,
                    DType dtype, const std::stop_token& stop) {
  const graph::ParameterLayout layout(network.graph);
  Evaluator evaluator(network.graph, layout, split.size, dtype, stream);
  const std::size_t parameter_bytes = network.parameters.size() * sizeof(float);
  const Buffer memory(stream.device(), aligned(parameter_bytes) + evaluator.arena_bytes());
  auto* const parameters = static_cast<float*>(memory.data());
  stream.upload(parameters, network.parameters.data(), parameter_bytes);
  const data::BatchSource source(stream, data, split);
  evaluator.bind(stream, source, static_cast<std::byte*>(memory.data()) + aligned(parameter_bytes),
                 parameters);
  return evaluator.run(stream, stop);
}

double int8_accuracy(Stream& stream, const compress::Int8Network& network,
                     const data::ResidentDataset& data, const data::ResidentSplit& split,
                     const std::stop_token& stop) {
  const std::vector<BatchRun> runs = batch_runs(split.size);
  const data::BatchSource source(stream, data, split);
  std::int64_t correct = 0;
  for (const BatchRun& run : runs) correct += right_of(stream, network, source, run, stop);
  return static_cast<double>(correct) / static_cast<double>(split.size);
}

}  // namespace paretiny::train
