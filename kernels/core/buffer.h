// A block of one device's memory, owned. Move-only; copies are spelled out with a Stream.
#pragma once

#include <cstddef>
#include <utility>

#include "kernels/core/device.h"
#include "kernels/core/tensor.h"

namespace paretiny {

class Buffer {
 public:
  Buffer() = default;
  /// Uninitialised memory, 64-byte aligned. Throws OutOfMemory.
  Buffer(Device device, std::size_t bytes);
  Buffer(Buffer&& other) noexcept
      : device_(other.device_),
        data_(std::exchange(other.data_, nullptr)),
        bytes_(std::exchange(other.bytes_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Buffer();

  Device device() const { return device_; }
  std::size_t bytes() const { return bytes_; }
  void* data() const { return data_; }
  /// The part that starts `offset` bytes in, as a tensor.
  View at(std::size_t offset, DType dtype, const Shape& shape) const {
    return view(static_cast<void*>(static_cast<std::byte*>(data_) + offset), dtype, shape);
  }

 private:
  Device device_;
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace paretiny
