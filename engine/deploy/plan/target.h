// Cores that code is generated for, and boards with one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace paretiny::deploy {

/// What QEMU calls a board with this core, its memories and its clock.
struct Emulator {
  std::string machine;  ///< "-M mps2-an386"
  double clock_hz = 0;
  std::uint32_t flash_origin = 0;
  std::uint32_t flash_bytes = 0;
  std::uint32_t ram_origin = 0;
  std::uint32_t ram_bytes = 0;
};

/// Cores that the same instructions are made for, as far as the runtime's loops go.
enum class CoreClass {
  dsp,  ///< two 16-bit products an instruction: M4, M7, M33, M55
  v7m,  ///< ARMv7-M without them: M3
  v6m,  ///< ARMv6-M, without 64-bit products and without division: M0+
};

struct Core {
  std::string name;   ///< "cortex-m4"
  std::string flags;  ///< of arm-none-eabi-gcc
  CoreClass kind = CoreClass::dsp;
  Emulator emulator;
  bool helium = false;  ///< vectors of 128 bits
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

}  // namespace paretiny::deploy
