// Cores that code is generated for, and boards with one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace paretiny {

/// What QEMU calls a board with this core, and its memories.
struct Emulator {
  std::string machine;
  std::uint32_t flash_origin = 0;
  std::uint32_t flash_bytes = 0;
  std::uint32_t ram_origin = 0;
  std::uint32_t ram_bytes = 0;
};

struct Core {
  std::string name;                  ///< "cortex-m4"
  std::string flags;                 ///< of arm-none-eabi-gcc
  bool dsp = false;                  ///< two 16-bit products an instruction
  std::optional<Emulator> emulator;  ///< none: it is built and measured, not run
};

const std::vector<Core>& cores();

/// A core on a board: what a network may take, and how fast it goes.
struct Target {
  std::string name;  ///< "nano33ble"; a core's own name where no board is meant
  std::string board;
  Core core;
  std::int64_t flash_bytes = 0;  ///< 0: no limit
  std::int64_t ram_bytes = 0;    ///< 0: no limit
  double clock_hz = 0;           ///< 0: unknown
};

/// The core named "cortex-m4" or "m4", null where there is none.
const Core* find_core(const std::string& name);

}  // namespace paretiny
