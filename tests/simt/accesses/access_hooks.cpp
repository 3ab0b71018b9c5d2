// What code compiled with -fsanitize=thread calls, in programs that are not linked with
// ThreadSanitizer: every access goes to the AccessCounts of the thread, if there are any.
#include <cstddef>

#include "tests/simt/accesses/access_counts.h"
#include "tests/simt/machine.h"

using paretiny::simt::access_counts;
using paretiny::simt::AccessCounts;
using paretiny::simt::note_access;
using paretiny::simt::running_thread;

namespace {

/// An aggregate whose type promises no more than 4 bytes of alignment moves word by word.
void note_range(const void* place, const char* from, std::size_t bytes, bool store) {
  const std::uint32_t word = bytes % 4 == 0 ? 4 : bytes % 2 == 0 ? 2 : 1;
  for (std::size_t i = 0; i < bytes; i += word) note_access(place, from + i, word, store);
}

AccessCounts* counting() {
  AccessCounts* counts = access_counts();
  return counts != nullptr && counts->in_block() ? counts : nullptr;
}

}  // namespace

extern "C" {

void __tsan_init() {}

void __tsan_func_entry(void* from) {
  if (AccessCounts* counts = counting()) counts->enter(running_thread(), from);
}
void __tsan_func_exit() {
  if (AccessCounts* counts = counting()) counts->leave(running_thread());
}

void __tsan_read1(void* at) {
  note_access(__builtin_return_address(0), at, 1, false);
}
void __tsan_read2(void* at) {
  note_access(__builtin_return_address(0), at, 2, false);
}
void __tsan_read4(void* at) {
  note_access(__builtin_return_address(0), at, 4, false);
}
void __tsan_read8(void* at) {
  note_access(__builtin_return_address(0), at, 8, false);
}
void __tsan_read16(void* at) {
  note_access(__builtin_return_address(0), at, 16, false);
}
void __tsan_write1(void* at) {
  note_access(__builtin_return_address(0), at, 1, true);
}
void __tsan_write2(void* at) {
  note_access(__builtin_return_address(0), at, 2, true);
}
void __tsan_write4(void* at) {
  note_access(__builtin_return_address(0), at, 4, true);
}
void __tsan_write8(void* at) {
  note_access(__builtin_return_address(0), at, 8, true);
}
void __tsan_write16(void* at) {
  note_access(__builtin_return_address(0), at, 16, true);
}
void __tsan_read_range(void* at, std::size_t bytes) {
  note_range(__builtin_return_address(0), static_cast<const char*>(at), bytes, false);
}
void __tsan_write_range(void* at, std::size_t bytes) {
  note_range(__builtin_return_address(0), static_cast<const char*>(at), bytes, true);
}
void __tsan_vptr_update(void*, void*) {}

// The machine announces its fibers to AddressSanitizer, which these programs do not have either.
void __sanitizer_start_switch_fiber(void**, const void*, std::size_t) {}
void __sanitizer_finish_switch_fiber(void*, const void**, std::size_t*) {}

}  // extern "C"
