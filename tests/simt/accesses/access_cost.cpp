#include "tests/simt/accesses/access_cost.h"

#include <algorithm>
#include <array>
#include <vector>

#include "kernels/core/host_device.h"

namespace paretiny::simt {
namespace {

constexpr std::uintptr_t kSector = 32;
constexpr std::uintptr_t kBankBytes = 4;
constexpr std::size_t kBanks = 32;

}  // namespace

AccessCost sectors(std::span<const LaneAccess> lanes) {
  std::vector<LaneAccess> sorted(lanes.begin(), lanes.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return a.address < b.address; });
  std::uint64_t touched = 0, distinct = 0;
  std::uintptr_t next_sector = 0, next_byte = 0;  // after those that are counted
  for (const LaneAccess& each : sorted) {
    const std::uintptr_t end = each.address + each.bytes;
    const std::uintptr_t first = std::max(each.address / kSector, next_sector);
    const std::uintptr_t end_sector = ceil_div(end, kSector);
    if (end_sector > first) touched += end_sector - first;
    next_sector = std::max(next_sector, end_sector);
    const std::uintptr_t from = std::max(each.address, next_byte);
    if (end > from) distinct += end - from;
    next_byte = std::max(next_byte, end);
  }
  return {1, touched, ceil_div(distinct, std::uint64_t{kSector})};
}

AccessCost bank_passes(std::span<const LaneAccess> lanes) {
  AccessCost cost{1, 0, 0};
  std::uint32_t widest = 4;
  for (const LaneAccess& each : lanes) widest = std::max(widest, each.bytes);
  const std::uint32_t together = 128 / widest;
  for (std::uint32_t first = 0; first < 32; first += together) {
    std::array<std::vector<std::uintptr_t>, kBanks> words;
    for (const LaneAccess& each : lanes) {
      if (each.lane < first || each.lane >= first + together) continue;
      const std::uintptr_t end = ceil_div(each.address + each.bytes, kBankBytes);
      for (std::uintptr_t word = each.address / kBankBytes; word < end; ++word) {
        auto& bank = words[word % kBanks];
        if (std::find(bank.begin(), bank.end(), word) == bank.end()) bank.push_back(word);
      }
    }
    std::size_t passes = 0;
    for (const auto& bank : words) passes = std::max(passes, bank.size());
    cost.cost += passes;
    cost.least += passes > 0 ? 1 : 0;
  }
  return cost;
}

}  // namespace paretiny::simt
