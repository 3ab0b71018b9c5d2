// How many instructions a core runs for one inference, from shapes alone. They are not cycles.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/compress/int8_network.h"
#include "engine/deploy/plan/target.h"
#include "engine/graph/graph.h"

namespace paretiny::deploy {

/// A step of the generated code as far as its work goes. `in` is its first input.
struct StepShape {
  graph::OpKind op;
  Shape in;
  Shape out;
  nn::Window window;
};

StepShape step_shape(const graph::Graph& graph, graph::NodeId id);
StepShape step_shape(const compress::Int8Network& network, const compress::Int8Step& step);

/// How often the loops of the step's kernel (engine/deploy/runtime) run: the terms that its
/// instructions are a linear function of. The first is 1. Without the DSP extension no loop takes
/// four bytes or channels at a time, and the terms of those that do are 0.
std::vector<double> instruction_terms(const StepShape& step, CoreClass core);

/// Instructions of one run of the step: its terms times constants fitted to counts of the emulator
/// (instruction_costs.h).
std::int64_t instructions(const StepShape& step, CoreClass core);

}  // namespace paretiny::deploy
