#include "tests/simt/memory.h"

#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <string>

#include "base/error.h"

namespace paretiny::simt {
namespace {

constexpr std::align_val_t kAlignment{64};

struct Allocations {
  std::mutex mutex;
  std::map<std::uintptr_t, std::size_t> bytes_at;
  std::size_t bytes = 0;

  bool holds(std::uintptr_t at, std::size_t count) const {
    auto after = bytes_at.upper_bound(at);
    if (after == bytes_at.begin()) return false;
    const auto& [begin, size] = *--after;
    return at + count <= begin + size;
  }
};

/// Never destroyed: memory is given back by what is destroyed when the program ends, too.
Allocations& allocations() {
  static Allocations& all = *new Allocations;
  return all;
}

}  // namespace

void* allocate(std::size_t bytes) {
  Allocations& all = allocations();
  const std::lock_guard lock(all.mutex);
  if (bytes > kMemoryBytes - all.bytes) {
    throw OutOfMemory("cannot allocate " + std::to_string(bytes) + " bytes on cuda:0: " +
                      std::to_string(kMemoryBytes - all.bytes) + " are free");
  }
  void* data = ::operator new(bytes, kAlignment);
  std::memset(data, 0xFF, bytes);
  all.bytes_at[reinterpret_cast<std::uintptr_t>(data)] = bytes;
  all.bytes += bytes;
  return data;
}

void release(void* data) noexcept {
  Allocations& all = allocations();
  const std::lock_guard lock(all.mutex);
  const auto found = all.bytes_at.find(reinterpret_cast<std::uintptr_t>(data));
  if (found == all.bytes_at.end()) return;
  all.bytes -= found->second;
  all.bytes_at.erase(found);
  ::operator delete(data, kAlignment);
}

std::size_t allocated_bytes() {
  Allocations& all = allocations();
  const std::lock_guard lock(all.mutex);
  return all.bytes;
}

bool is_device_memory(const void* address) {
  Allocations& all = allocations();
  const std::lock_guard lock(all.mutex);
  return all.holds(reinterpret_cast<std::uintptr_t>(address), 1);
}

void check_device_memory(const char* what, const void* data, std::size_t bytes) {
  if (data == nullptr && bytes == 0) return;
  Allocations& all = allocations();
  const std::lock_guard lock(all.mutex);
  if (all.holds(reinterpret_cast<std::uintptr_t>(data), bytes)) return;
  throw DeviceError(std::string(what) + ": an address in no allocation of the device, or " +
                    std::to_string(bytes) + " bytes that go beyond it");
}

}  // namespace paretiny::simt
