// Cases of ops given by their operands, whose bytes make the floor.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/cuda/measure.h"

namespace paretiny::bench {

using Fill = std::function<void(Stream&, View)>;

struct Operand {
  DType dtype = DType::f32;
  Shape shape{};
  double passes = 1;  ///< how often a call must read or write it at least
  Fill fill{};        ///< empty: random
};

/// Every element `value` (f32 or i32); or 0, 1, ... modulo `period` (i32).
Fill constant(float value);
Fill counted(std::int64_t period);

using Views = std::vector<View>;

/// Registers "op/type/shape/paretiny": `run` on the operands, in their order, rotated over sets.
/// `op` is "name/direction"; `operations` are counted at the rate of products of `dtype`.
void add_op(const std::string& op, DType dtype, const std::string& shape,
            const std::vector<Operand>& operands,
            const std::function<void(Stream&, const Views&)>& run, double operations = 0);

}  // namespace paretiny::bench
