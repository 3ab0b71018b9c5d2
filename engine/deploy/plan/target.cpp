#include "engine/deploy/plan/target.h"

namespace paretiny::deploy {

const std::vector<Core>& cores() {
  // ARM's MPS2 boards: 4 MiB each, code at 0, data at 0x20000000. On the AN505 secure code begins
  // at 0x10000000 and data at 0x38000000, on the AN547 at 0 and 0x01000000 beside tightly coupled
  // RAM. There is no board with an M0+: the micro:bit has an M0, which knows the same instructions,
  // and QEMU gives it memories of any size.
  constexpr std::uint32_t kMega = 1 << 20;
  static const std::vector<Core> all = {
      {"cortex-m0plus",
       "-mcpu=cortex-m0plus -mthumb",
       CoreClass::v6m,
       {"-M microbit -global nrf51-soc.flash-size=4194304 -global nrf51-soc.sram-size=4194304",
        16e6, 0, 4 * kMega, 0x20000000, 4 * kMega}},
      {"cortex-m3",
       "-mcpu=cortex-m3 -mthumb",
       CoreClass::v7m,
       {"-M mps2-an385", 25e6, 0, 4 * kMega, 0x20000000, 4 * kMega}},
      {"cortex-m4",
       "-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16",
       CoreClass::dsp,
       {"-M mps2-an386", 25e6, 0, 4 * kMega, 0x20000000, 4 * kMega}},
      {"cortex-m7",
       "-mcpu=cortex-m7 -mthumb -mfloat-abi=hard -mfpu=fpv5-sp-d16",
       CoreClass::dsp,
       {"-M mps2-an500", 25e6, 0, 4 * kMega, 0x20000000, 4 * kMega}},
      {"cortex-m33",
       "-mcpu=cortex-m33 -mthumb -mfloat-abi=hard -mfpu=fpv5-sp-d16",
       CoreClass::dsp,
       {"-M mps2-an505", 20e6, 0x10000000, 4 * kMega, 0x38000000, 4 * kMega}},
      {"cortex-m55",
       "-mcpu=cortex-m55 -mthumb -mfloat-abi=hard",
       CoreClass::dsp,
       {"-M mps3-an547", 32e6, 0, 512 * 1024, 0x01000000, 2 * kMega},
       true},
  };
  return all;
}

const Core* find_core(const std::string& name) {
  for (const Core& core : cores()) {
    if (name == core.name || "cortex-" + name == core.name) return &core;
  }
  return nullptr;
}

}  // namespace paretiny::deploy
