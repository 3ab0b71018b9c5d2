// Asynchronous copies; compiled with the sanitizers, which must see what they read.
#include <cstring>

#include "tests/simt/accesses/access_counts.h"
#include "tests/simt/machine.h"

namespace paretiny::simt {

// Nothing arrives before it is waited for, and until then its place is NaN, so that neither a
// missing wait nor a reader of what was there before goes unseen.
void start_copy(void* to, const void* from, bool valid) {
  check_shared("copy_async_16", to, 16);
  if (reinterpret_cast<std::uintptr_t>(from) % 16 != 0) {
    fail("copy_async_16: the source is not aligned to 16 bytes");
  }
  if (valid) note_access(__builtin_return_address(0), from, 16, false);
  note_access(__builtin_return_address(0), to, 16, true);
  std::memset(to, 0xFF, 16);
  copies().pending.push_back({to, valid ? from : nullptr, copies().group});
}

void commit_copies() {
  ++copies().group;
}

void wait_for_copies(int pending) {
  const unsigned open = copies().group;
  std::erase_if(copies().pending, [&](const Copy& copy) {
    if (copy.group + static_cast<unsigned>(pending) >= open) return false;
    if (copy.from == nullptr) {
      std::memset(copy.to, 0, 16);
    } else {
      std::memcpy(copy.to, copy.from, 16);
    }
    return true;
  });
}

}  // namespace paretiny::simt
