// What the terms of the instruction model cost: constants by operator and class of cores.
#pragma once

#include <span>

#include "engine/deploy/plan/target.h"
#include "engine/graph/graph.h"

namespace paretiny::deploy {

/// Instructions a term, in the order of instruction_terms; none where there is no kernel. Fitted
/// by bench/instruction_fit.cpp to the emulator's counts of code that GCC 12 made at -O2.
std::span<const double> instruction_costs(graph::OpKind op, CoreClass core);

}  // namespace paretiny::deploy
