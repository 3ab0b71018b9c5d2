#include <algorithm>

#include "base/error.h"
#include "kernels/core/arena.h"
#include "kernels/core/buffer.h"

namespace paretiny {

Buffer::Buffer(Device device, std::size_t bytes)
    : device_(device), data_(backend(device.kind).allocate(device.index, bytes)), bytes_(bytes) {}

Buffer::~Buffer() {
  if (data_ != nullptr) backend(device_.kind).release(device_.index, data_);
}

void Arena::reserve(std::size_t bytes) {
  if (used_ != 0) throw Error("an arena in use cannot be reserved anew");
  if (bytes <= capacity()) return;
  chunks_.clear();
  ++moves_;
  chunks_.push_back({Buffer(device_, aligned(bytes)), 0});
}

std::size_t Arena::capacity() const {
  return chunks_.empty() ? 0 : chunks_.back().begin + chunks_.back().buffer.bytes();
}

void* Arena::take(std::size_t bytes) {
  bytes = aligned(bytes);
  // An allocation is never split: what is left of a chunk too small for it is skipped.
  std::size_t begin = 0;
  auto chunk = chunks_.begin();
  for (; chunk != chunks_.end(); ++chunk) {
    begin = std::max(used_, chunk->begin);
    if (begin + bytes <= chunk->begin + chunk->buffer.bytes()) break;
  }
  if (chunk == chunks_.end()) {
    begin = capacity();
    chunks_.push_back({Buffer(device_, bytes), begin});
    chunk = chunks_.end() - 1;
  }
  used_ = begin + bytes;
  peak_ = std::max(peak_, used_);
  return static_cast<std::byte*>(chunk->buffer.data()) + (begin - chunk->begin);
}

void Arena::rewind(std::size_t used) {
  used_ = used;
  if (used_ != 0 || chunks_.size() <= 1) return;
  const std::size_t bytes = capacity();
  chunks_.clear();
  ++moves_;
  try {
    chunks_.push_back({Buffer(device_, bytes), 0});
  } catch (const std::exception&) {
    // A scope that ends may not throw: whoever takes next finds out whether memory is short.
  }
}

}  // namespace paretiny
