// Where the int8 activations of a network lie in a microcontroller's arena, and in which order its
// steps run so that the arena is small.
//
// A step that reads its input for the last time may write its output over it as it goes, as long as
// it never writes what it has still to read: element-wise steps in place, and windows that slide
// down the rows with the output a lead below the input (Blacker et al.: Diagonal memory
// optimisation for machine learning on micro-controllers, 2020). So an arena can be smaller than
// the sum of the tensors alive at one time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace paretiny::deploy {

inline constexpr std::size_t kNoOverlap = std::numeric_limits<std::size_t>::max();
inline constexpr int kNoScratch = -1;

/// A step as memory sees it. Tensors are counted from 0, the network's input.
struct MemoryStep {
  std::vector<int> inputs;
  /// By input: the output may lie over it when it begins at least so many bytes below.
  std::vector<std::size_t> leads;
  int output = 0;
  /// A tensor that is in use only while the step runs.
  int scratch = kNoScratch;

  /// The lead over an input, which may be read under several names.
  std::size_t lead_over(int tensor) const;
};

/// Steps in an order in which they can run, the last one giving the network's output.
struct MemoryProblem {
  std::vector<std::size_t> bytes;  ///< of each tensor
  std::vector<MemoryStep> steps;
};

struct ScratchPlace {
  std::size_t offset = 0;
  std::size_t bytes = 0;
};

struct ActivationPlan {
  std::vector<int> order;             ///< indices of steps, as they are to run
  std::vector<std::size_t> offsets;   ///< of each tensor, multiples of the alignment
  std::vector<ScratchPlace> scratch;  ///< of each step, 0 bytes where it has none
  std::size_t bytes = 0;
  /// Largest sum of tensors alive at one step of `order`: what a planner that keeps them apart
  /// cannot beat.
  std::size_t liveness = 0;
  bool optimal = false;  ///< proved: no plan of this order is smaller
};

/// The order with the smallest peak (all orders are tried where branches leave few, else the given
/// one is kept), then offsets: exact search within a fixed number of trials, started from greedy
/// placement, largest first. The same problem gives the same plan.
ActivationPlan plan_activations(const MemoryProblem& problem, std::size_t alignment = 4);

}  // namespace paretiny::deploy
