// Exports that call Arm's CMSIS-NN, 6 or later, in place of our own kernels: which steps it can
// compute to the same bytes, and what memory it takes.
#pragma once

#include <cstdint>
#include <filesystem>

#include "engine/compress/int8_network.h"
#include "engine/deploy/plan/activation_plan.h"
#include "engine/deploy/plan/footprint.h"
#include "engine/deploy/plan/target.h"

namespace paretiny::deploy {

/// Whose kernels an export calls.
enum class Kernels { own, cmsis_nn };

/// Whether CMSIS-NN has a kernel for the step that gives the same bytes; our own runs the others.
bool cmsis_nn_computes(const compress::Int8Network& network, const compress::Int8Step& step);

/// Bytes of scratch memory that it takes for the step on a core with or without Helium, for any
/// compiler: 1x1 convolutions take some with armclang alone.
std::size_t cmsis_nn_scratch(const compress::Int8Network& network, const compress::Int8Step& step,
                             bool helium);

/// Outputs lie over inputs in element-wise steps alone, since CMSIS-NN reads and writes in an order
/// of its own; scratch memory lies where the tensors of its step leave room.
MemoryProblem cmsis_nn_memory_problem(const compress::Int8Network& network, bool helium);

/// The footprint with either's kernels; with CMSIS-NN as far as it is known without the library:
/// code, stack and instructions are 0.
Footprint planned_footprint(const compress::Int8Network& network, const Core& core,
                            Kernels kernels);

/// CMSIS-NN as a user has built it.
struct CmsisNnLibrary {
  std::filesystem::path include;  ///< folder of arm_nnfunctions.h
  std::filesystem::path archive;  ///< libcmsis-nn.a
};

/// In a folder of CMSIS-NN, the archive in it or in its build folder. Throws UsageError, saying
/// what is missing.
CmsisNnLibrary find_cmsis_nn(const std::filesystem::path& folder);

}  // namespace paretiny::deploy
