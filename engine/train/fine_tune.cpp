#include "engine/train/fine_tune.h"

#include <map>

#include "engine/train/candidate_memory.h"
#include "engine/train/training_loop.h"

namespace paretiny::train {

std::vector<std::optional<int8::Quantization>> quantization_by_node(
    const graph::Network& folded, const std::vector<compress::ValueRange>& ranges) {
  // Taken from the int8 network itself, so that the two cannot differ.
  std::map<std::string, int8::Quantization> by_name;
  for (const compress::Int8Tensor& tensor : compress::quantize(folded, ranges).tensors) {
    by_name[tensor.name] = tensor.quantization;
  }
  std::vector<std::optional<int8::Quantization>> by_node;
  for (const graph::Node& node : folded.graph.nodes()) {
    const auto found = by_name.find(node.name);
    by_node.push_back(found == by_name.end() ? std::nullopt : std::optional(found->second));
  }
  return by_node;
}

namespace {

/// As the training does, but for epochs and rate.
TrainingSpec tuning_spec(const TrainingSpec& training, const FineTuneSpec& tuning) {
  TrainingSpec spec = training;
  spec.epochs = tuning.epochs;
  spec.learning_rate *= tuning.learning_rate;
  spec.warmup = 0;
  return spec;
}

/// A step that rounds as `quantize` does with these ranges.
program::Program tuning_program(const graph::Network& folded, const graph::ParameterLayout& layout,
                                const std::vector<compress::ValueRange>& ranges,
                                const TrainingSpec& spec) {
  return {folded.graph,
          layout,
          {program::ProgramKind::training, spec.batch, DType::f32,
           static_cast<float>(spec.label_smoothing), false, quantization_by_node(folded, ranges)}};
}

CandidateSizes tuning_sizes(const graph::ParameterLayout& layout, const TrainingLoop& loop,
                            const program::Program& program) {
  CandidateSizes sizes;
  sizes.parameters = layout.total();
  sizes.trainable = layout.trainable_end();
  sizes.moments = loop.moments();
  sizes.work = program.arena_bytes();
  return sizes;
}

}  // namespace

TrainingResult fine_tune(Stream& stream, const data::ResidentDataset& data,
                         const graph::Network& folded,
                         const std::vector<compress::ValueRange>& ranges,
                         const TrainingSpec& training, const FineTuneSpec& tuning,
                         std::uint64_t seed, std::stop_token stop) {
  const TrainingSpec spec = tuning_spec(training, tuning);
  TrainingLoop loop(stream, data, spec, seed);
  const graph::ParameterLayout layout(folded.graph);
  program::Program program = tuning_program(folded, layout, ranges, spec);
  const CandidateSizes sizes = tuning_sizes(layout, loop, program);
  const std::size_t scratch = program.scratch_bytes(stream);
  check_candidate(stream, sizes, scratch);
  TrainingResult result;
  result.planned_bytes = data.bytes() + loop.bytes() + candidate_bytes(sizes, scratch);

  const CandidateMemory memory(stream.device(), sizes);
  const std::size_t bytes = folded.parameters.size() * sizeof(float);
  stream.upload(memory.parameters(), folded.parameters.data(), bytes);
  loop.clear_moments(memory, layout);
  stream.zero(memory.gradients(), static_cast<std::size_t>(layout.trainable_end()) * sizeof(float));
  program.bind(stream, memory.work(), memory.parameters(), memory.gradients());
  loop.record(program, layout, memory);
  for (std::int64_t epoch = 0; epoch < spec.epochs; ++epoch) loop.epoch(epoch, stop);
  result.network = folded;
  stream.download(result.network.parameters.data(), memory.parameters(), bytes);
  return result;
}

std::size_t fine_tuning_bytes(Stream& stream, const data::ResidentDataset& data,
                              const graph::Network& folded, const TrainingSpec& training,
                              const FineTuneSpec& tuning) {
  const TrainingSpec spec = tuning_spec(training, tuning);
  const TrainingLoop loop(stream, data, spec, 0);
  const graph::ParameterLayout layout(folded.graph);
  // What is rounded, and how far, makes no difference to its size.
  const std::vector<compress::ValueRange> ranges(folded.graph.nodes().size(),
                                                 compress::ValueRange{-1, 1});
  const program::Program program = tuning_program(folded, layout, ranges, spec);
  return loop.bytes() +
         candidate_bytes(tuning_sizes(layout, loop, program), program.scratch_bytes(stream));
}

}  // namespace paretiny::train
