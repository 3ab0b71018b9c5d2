// Scratch memory of a stream: taken in a scope, given back with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/core/buffer.h"
#include "kernels/core/host_device.h"

namespace paretiny {

/// Bytes rounded up so that whatever follows is aligned for any vector access, and for the
/// workspaces of cuDNN and cuBLASLt, which ask for 256.
constexpr std::size_t aligned(std::size_t bytes) {
  return round_up(bytes, 256);
}

/// A stack of allocations in chunks. Memory once taken never moves; an arena that ran over its
/// capacity becomes one chunk of the needed size when it is next empty, so that a step that is
/// repeated allocates only the first time.
class Arena {
 public:
  explicit Arena(Device device) : device_(device) {}

  /// Makes room for `bytes` in one chunk; the arena must be empty. Throws OutOfMemory.
  void reserve(std::size_t bytes);
  std::size_t capacity() const;
  /// The most that was in use at one time.
  std::size_t peak() const { return peak_; }
  /// How often memory was given back, so that what was taken before may lie elsewhere now.
  std::uint64_t moves() const { return moves_; }

  /// Gives back, when it ends, everything taken since it began.
  class Scope {
   public:
    explicit Scope(Arena& arena) : arena_(arena), used_(arena.used_) {}
    ~Scope() { arena_.rewind(used_); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

    /// Uninitialised, aligned as the device's allocations are: to 64 bytes on the CPU, 256 on a
    /// GPU. Throws OutOfMemory.
    void* take(std::size_t bytes) { return arena_.take(bytes); }
    View take(DType dtype, const Shape& shape) {
      return view(take(static_cast<std::size_t>(shape.elements()) * size_of(dtype)), dtype, shape);
    }

   private:
    Arena& arena_;
    std::size_t used_;
  };

 private:
  void* take(std::size_t bytes);
  void rewind(std::size_t used);

  struct Chunk {
    Buffer buffer;
    std::size_t begin;  ///< arena offset of its first byte
  };
  Device device_;
  std::vector<Chunk> chunks_;
  std::size_t used_ = 0;
  std::size_t peak_ = 0;
  std::uint64_t moves_ = 0;
};

}  // namespace paretiny
