// Loss and accuracy of a network, in floating point or in integers, on a split that lies on the
// device.
#pragma once

#include <memory>
#include <stop_token>
#include <vector>

#include "engine/compress/int8_network.h"
#include "engine/data/resident.h"
#include "engine/data/step_table.h"
#include "engine/graph/network.h"
#include "engine/program/program.h"

namespace paretiny::train {

struct Evaluation {
  double loss = 0;
  double accuracy = 0;
};

/// Evaluates a network whose parameters lie on the device, as often as they have changed.
class Evaluator {
 public:
  /// Plans for a split of `samples`; allocates nothing. Throws UsageError for an empty split.
  Evaluator(const graph::Graph& graph, const graph::ParameterLayout& layout, std::int64_t samples,
            DType dtype, Stream& stream);
  Evaluator(const Evaluator&) = delete;

  std::size_t arena_bytes() const;
  std::size_t scratch_bytes(Stream& stream) const;

  /// All of these must outlive the evaluator and stay where they are, but what lies in the arena
  /// [arena_bytes()] between two runs is free for others.
  void bind(Stream& stream, const data::BatchSource& source, void* arena, float* parameters);
  /// Mean loss and accuracy with running statistics. Throws Interrupted.
  Evaluation run(Stream& stream, const std::stop_token& stop = {});

 private:
  /// The whole batches, or the samples that are left.
  struct Part {
    program::Program program;
    std::int64_t batches;
    std::unique_ptr<Recording> step;
  };
  std::int64_t samples_;
  std::vector<Part> parts_;
  data::StepTable cursors_;
};

/// Mean loss and accuracy over a split: running statistics, activations of `dtype`. Throws
/// UsageError for an empty split, and Interrupted.
Evaluation evaluate(Stream& stream, const graph::Network& network,
                    const data::ResidentDataset& data, const data::ResidentSplit& split,
                    DType dtype = DType::f32, const std::stop_token& stop = {});

/// Share of a split that the int8 network classifies rightly, computed in integers. Throws
/// UsageError for an empty split, and Interrupted.
double int8_accuracy(Stream& stream, const compress::Int8Network& network,
                     const data::ResidentDataset& data, const data::ResidentSplit& split,
                     const std::stop_token& stop = {});

}  // namespace paretiny::train
