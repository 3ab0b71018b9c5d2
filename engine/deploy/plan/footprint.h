// What an int8 network takes on a microcontroller, known from its graph alone: before training,
// whenever its sparsities are.
#pragma once

#include <cstdint>

#include "engine/compress/int8_network.h"
#include "engine/deploy/plan/target.h"
#include "engine/graph/graph.h"

namespace paretiny::deploy {

/// Constants and arena are exact for our generated C; code is that of a Cortex-M4, from sizes
/// measured once an operator, and the stack is more than any core took (docs/footprint.md). Only
/// instructions depend on the core.
struct Footprint {
  std::int64_t parameters = 0;     ///< weights and biases once batch norm is folded
  std::int64_t macs = 0;           ///< multiply-accumulates of one inference
  std::int64_t flops = 0;          ///< 2 * macs
  std::int64_t rom_constants = 0;  ///< int8 weights, int32 biases, multipliers, shifts, tables
  std::int64_t rom_code = 0;
  std::int64_t ram_arena = 0;  ///< activations, the int8 input and the logits among them
  std::int64_t ram_stack = 0;
  std::int64_t instructions = 0;  ///< of one inference on a core of the class (instructions.h)

  std::int64_t rom() const { return rom_constants + rom_code; }
  std::int64_t ram() const { return ram_arena + ram_stack; }
};

Footprint footprint(const graph::Graph& graph, CoreClass core = CoreClass::dsp);
/// The same of the network that was made from it, where every output channel has a bias.
Footprint footprint(const compress::Int8Network& network, CoreClass core = CoreClass::dsp);

}  // namespace paretiny::deploy
