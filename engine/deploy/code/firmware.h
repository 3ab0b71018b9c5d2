// An exported network built with arm-none-eabi-gcc and run in QEMU: what the linker and the
// emulator say, beside what was planned.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <vector>

#include "engine/deploy/code/c_code.h"
#include "engine/deploy/code/cmsis_nn.h"
#include "engine/deploy/plan/target.h"

namespace paretiny::deploy {

/// Bytes of the network alone, from the linked program.
struct LinkedSize {
  std::int64_t constants = 0;  ///< weights, biases, multipliers, shifts, tables
  std::int64_t code = 0;       ///< with descriptors and the compiler's library calls
  std::int64_t statics = 0;    ///< the arena

  std::int64_t rom() const { return constants + code; }
};

struct EmulatedRun {
  std::int64_t runs = 0;
  std::int64_t differing = 0;  ///< output bytes that are not those of the int8 network
  std::int64_t stack = 0;      ///< bytes, the deepest of model_run
  /// Instructions of each step in the order they ran, to a tick of the board's clock: 31 to 63.
  std::vector<std::int64_t> instructions;
};

/// Compiles and links what c_code wrote into `folder` for a core, in `folder`/firmware, with a
/// program that runs it in the emulator; `cmsis_nn` is for code that calls it. Throws ToolError
/// when the compiler is missing or fails, Interrupted when asked to stop.
LinkedSize build_firmware(const std::filesystem::path& folder, const Core& core,
                          std::stop_token stop = {},
                          const std::optional<CmsisNnLibrary>& cmsis_nn = {});

/// Runs it on `runs`. Throws ToolError when the emulator is missing or fails, and Interrupted.
EmulatedRun run_firmware(const std::filesystem::path& folder, const Core& core,
                         const std::vector<RecordedRun>& runs, std::stop_token stop = {});

}  // namespace paretiny::deploy
