// Recordings of the twin: what a captured graph of CUDA's would do that a second call of the same
// work does not. A graph replays the launches it has captured, with the arguments of then; and
// nothing may wait for the device, or move its memory, while it is captured.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/core/stream.h"

namespace paretiny::simt {

/// As Stream::record: the first run is eager, the second records, later ones must give the stream
/// what was recorded. Throws DeviceError, naming the first launch that differs.
std::unique_ptr<Recording> record(Stream& stream, std::function<void()> work);

/// What the step that this thread captured last was given, launch by launch.
const std::vector<std::string>& last_captured();

/// Bytes that describe what a stream is given, put together piece by piece.
class Given {
 public:
  explicit Given(std::string name) : name_(std::move(name)) {}
  /// `value` must be trivially copyable; its padding does not count.
  template <class Value>
  Given& with(Value value) {
#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
    __builtin_clear_padding(&value);
#endif
#endif
    const auto bytes = std::as_bytes(std::span(&value, 1));
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  /// Records it, or compares it with what was recorded, where the thread records or replays.
  void note() const;

  friend bool operator==(const Given&, const Given&) = default;

 private:
  friend class Tape;

  std::string name_;
  std::vector<std::byte> bytes_;
};

/// Throws DeviceError where the thread records or replays: CUDA forbids `what` then.
void forbid_while_recording(const char* what);

}  // namespace paretiny::simt
