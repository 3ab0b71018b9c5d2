// The memory of the simulated device: heap allocations of the exact size, so that
// AddressSanitizer sees what lies beyond them.
#pragma once

#include <cstddef>

namespace paretiny::simt {

inline constexpr std::size_t kMemoryBytes = std::size_t{2} << 30;

/// 64-byte aligned and full of NaN. Throws OutOfMemory.
void* allocate(std::size_t bytes);
void release(void* data) noexcept;
std::size_t allocated_bytes();

bool is_device_memory(const void* address);

/// Throws DeviceError, naming `what`, unless the bytes are the device's; a null pointer passes with
/// no bytes. A GPU could not reach the host's memory.
void check_device_memory(const char* what, const void* data, std::size_t bytes);

}  // namespace paretiny::simt
