#include "tests/simt/accesses/access_counts.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "tests/simt/machine.h"
#include "tests/simt/memory.h"

namespace paretiny::simt {
namespace {

constexpr std::size_t kLanes = 32;

thread_local AccessCounts* current = nullptr;

/// "file.h:12 < file.cu:34", the innermost call first, or the address where addr2line is not there.
std::string lines_of(const void* place) {
  Dl_info info{};
  const auto at = reinterpret_cast<std::uintptr_t>(place) - 1;  // within the call
  if (dladdr(place, &info) == 0) return "?";
  const std::uintptr_t offset = at - reinterpret_cast<std::uintptr_t>(info.dli_fbase);
  char command[512];
  std::snprintf(command, sizeof(command), "addr2line -i -e '%s' 0x%lx 2>/dev/null", info.dli_fname,
                static_cast<unsigned long>(offset));
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command, "r"), pclose);
  std::string lines;
  for (char line[512]; pipe != nullptr && std::fgets(line, sizeof(line), pipe.get()) != nullptr;) {
    std::string name = line;
    name = name.substr(name.rfind('/') + 1);
    name = name.substr(0, name.find_first_of(" \n"));
    if (!lines.empty()) lines += " < ";
    lines += name;
  }
  return lines.empty() ? std::to_string(offset) : lines;
}

}  // namespace

const char* name_of(Access access) {
  constexpr std::array<const char*, kAccesses> names{"global load", "global store", "shared load",
                                                     "shared store"};
  return names[static_cast<std::size_t>(access)];
}

AccessCounts::AccessCounts() {
  current = this;
}

AccessCounts::~AccessCounts() {
  current = nullptr;
}

AccessCost AccessCounts::of(const std::string& kernel, Access access) const {
  AccessCost sum;
  for (const auto& [name, costs] : kernels_) {
    if (name.first.starts_with(kernel)) sum += costs[static_cast<std::size_t>(access)];
  }
  return sum;
}

void AccessCounts::tell_apart(const std::string& region, const void* data, std::size_t bytes) {
  const auto begin = reinterpret_cast<std::uintptr_t>(data);
  regions_.push_back({region, begin, begin + bytes});
}

std::string AccessCounts::report() const {
  std::vector<std::pair<Line, AccessCost>> lines;
  for (const auto& line : lines_) {
    if (line.second.cost > line.second.least) lines.push_back(line);
  }
  std::sort(lines.begin(), lines.end(), [](const auto& a, const auto& b) {
    return a.second.cost - a.second.least > b.second.cost - b.second.least;
  });
  constexpr std::size_t kMost = 12;
  if (lines.size() > kMost) lines.resize(kMost);
  std::string text;
  for (const auto& [line, cost] : lines) {
    text += line.kernel + ": " + name_of(line.access);
    if (!line.region.empty()) text += " of " + line.region;
    text += " at " + lines_of(line.place) + ": " + std::to_string(cost.cost) + " where " +
            std::to_string(cost.least) + " would do, in " + std::to_string(cost.accesses) +
            " accesses\n";
  }
  return text;
}

void AccessCounts::begin_block(const char* kernel, std::size_t threads) {
  kernel_ = kernel;
  lanes_.resize(threads);
  for (Lane& lane : lanes_) {
    lane.chain = 0;
    lane.outer.clear();
    lane.epoch = 0;
    lane.entries.clear();
  }
  in_block_ = true;
}

void AccessCounts::end_block() {
  in_block_ = false;
  for (std::size_t first = 0; first < lanes_.size(); first += kLanes) {
    count_warp(first, std::min(first + kLanes, lanes_.size()));
  }
}

void AccessCounts::enter(std::size_t thread, const void* from) {
  Lane& lane = lanes_[thread];
  lane.outer.push_back(lane.chain);
  lane.chain = lane.chain * 0x9E3779B97F4A7C15u + reinterpret_cast<std::uintptr_t>(from);
}

void AccessCounts::leave(std::size_t thread) {
  Lane& lane = lanes_[thread];
  if (lane.outer.empty()) return;  // entered before the block began
  lane.chain = lane.outer.back();
  lane.outer.pop_back();
}

void AccessCounts::note(std::size_t thread, const void* place, const void* address,
                        std::uint32_t bytes, bool store) {
  const bool shared = is_shared(address);
  if (!shared && !is_device_memory(address)) return;
  const Access access = shared  ? store ? Access::shared_store : Access::shared_load
                        : store ? Access::global_store
                                : Access::global_load;
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  std::size_t region = regions_.size() - 1;
  while (region > 0 && (at < regions_[region].begin || at >= regions_[region].end)) --region;
  Lane& lane = lanes_[thread];
  lane.entries.push_back({lane.chain, place, lane.epoch, access, region, bytes, at});
}

void AccessCounts::count_warp(std::size_t first, std::size_t end) {
  struct Key {
    std::uint32_t epoch;
    std::uint64_t chain;
    const void* place;
    Access access;
    std::size_t region;
    std::uint32_t times;  ///< so far
    auto operator<=>(const Key&) const = default;
  };
  std::map<Key, std::vector<LaneAccess>> together;
  for (std::size_t thread = first; thread < end; ++thread) {
    std::map<Key, std::uint32_t> times;
    for (const Entry& each : lanes_[thread].entries) {
      Key key{each.epoch, each.chain, each.place, each.access, each.region, 0};
      key.times = times[key]++;
      together[key].push_back(
          {each.address, each.bytes, static_cast<std::uint32_t>(thread - first)});
    }
  }
  for (const auto& [key, lanes] : together) {
    const bool global = key.access == Access::global_load || key.access == Access::global_store;
    const AccessCost cost = global ? sectors(lanes) : bank_passes(lanes);
    const std::string& region = regions_[key.region].name;
    kernels_[{kernel_, region}][static_cast<std::size_t>(key.access)] += cost;
    lines_[{kernel_, region, key.place, key.access}] += cost;
  }
}

AccessCounts* access_counts() {
  return current;
}

void note_access(const void* place, const void* address, std::uint32_t bytes, bool store) {
  if (current == nullptr || !current->in_block()) return;
  current->note(running_thread(), place, address, bytes, store);
}

}  // namespace paretiny::simt
