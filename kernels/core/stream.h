// A stream of work on one device: ops given to it run in order. On the CPU an op has run when its
// function returns; on a GPU it may still be waiting, and only `synchronize` or `download` waits.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <typeindex>

#include "kernels/core/arena.h"
#include "kernels/core/device.h"

namespace paretiny {

/// Work that is given once and run many times.
class Recording {
 public:
  virtual ~Recording() = default;
  /// As if the work were given to the stream anew.
  virtual void run() = 0;
};

class Stream {
 public:
  /// A new stream on a device. Throws DeviceError.
  static std::unique_ptr<Stream> create(Device device) {
    return backend(device.kind).make_stream(device.index);
  }
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  Device device() const { return device_; }
  /// Scratch of the ops on this stream.
  Arena& scratch() { return scratch_; }

  /// Takes the bytes before it returns: what lies at `host_from` may change or go right after, even
  /// where the device gets them later. It must be ordinary memory, not page-locked.
  virtual void upload(void* device_to, const void* host_from, std::size_t bytes) = 0;
  /// Waits for everything before it, and for itself.
  virtual void download(void* host_to, const void* device_from, std::size_t bytes) = 0;
  virtual void copy(void* to, const void* from, std::size_t bytes) = 0;
  virtual void zero(void* data, std::size_t bytes) = 0;
  virtual void synchronize() = 0;

  /// `work` may give ops, `copy` and `zero` to this stream, nothing else, and always the same ones
  /// on the same memory, which must stay where it is; what changes from run to run lies in device
  /// memory. On a GPU the first run takes what scratch it needs and the later ones replay a
  /// captured graph, so the host may be many runs ahead. The stream must outlive the recording.
  [[nodiscard]] virtual std::unique_ptr<Recording> record(std::function<void()> work) = 0;

  /// What an op keeps with the stream, as a library's handle or the primitives that it prepared;
  /// made, as Kept(*this), when first asked for.
  template <class Kept>
  Kept& keep() {
    std::shared_ptr<void>& kept = kept_[typeid(Kept)];
    if (kept == nullptr) kept = std::make_shared<Kept>(*this);
    return *static_cast<Kept*>(kept.get());
  }

 protected:
  explicit Stream(Device device) : device_(device), scratch_(device) {}
  /// Before what it was made with ends.
  void drop_kept() { kept_.clear(); }

 private:
  Device device_;
  Arena scratch_;
  std::map<std::type_index, std::shared_ptr<void>> kept_;
};

}  // namespace paretiny
