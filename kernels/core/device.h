// Devices: what there is, and the memory and streams a kind of device offers.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace paretiny {

class Stream;

enum class DeviceKind { cpu, cuda };
inline constexpr int kDeviceKinds = 2;

struct Device {
  DeviceKind kind = DeviceKind::cpu;
  int index = 0;

  friend bool operator==(const Device&, const Device&) = default;
};

std::string to_string(Device device);                       ///< "cpu", "cuda:0"
std::string to_string(const std::vector<Device>& devices);  ///< "cpu", "cuda:0,2": one kind's

struct DeviceInfo {
  Device device;
  std::string name;
  std::size_t memory_bytes = 0;
  std::string features;  ///< instruction sets or compute capability
  bool fast_bf16 = false;
  /// Convolutions with a Prologue or an Epilogue (fusion.h) beat the same done in several ops.
  bool fuses_layers = false;
};

/// Every device of this machine that this build can use, fastest kind first.
std::vector<DeviceInfo> devices();

/// Why no GPU is among them, for people; empty when one is.
std::string why_no_gpu();

/// What the backends of this build compute with, for people: "oneDNN 2.6.3".
std::string compute_libraries();

/// "auto" (a GPU if there is one, else the CPU), "cpu", "cuda", "cuda:1". Throws UsageError for
/// another word and DeviceError for a device that is not there: never a silent fallback.
Device parse_device(const std::string& text);

/// One device as above, or several GPUs, each once: "cuda:all", "cuda:0,2". Throws as parse_device.
std::vector<Device> parse_devices(const std::string& text);

/// What a kind of device must offer. Each device folder registers one (see dispatch.h).
class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::vector<DeviceInfo> devices() const = 0;
  /// Why `devices()` is empty, for people: "no driver is installed"; empty when it is not.
  virtual std::string why_none() const = 0;
  /// Names and versions of the libraries it computes with: "oneDNN 2.6.3".
  virtual std::string libraries() const = 0;
  /// At least 64-byte aligned, never null. Throws OutOfMemory.
  virtual void* allocate(int index, std::size_t bytes) = 0;
  virtual void release(int index, void* data) noexcept = 0;
  /// Bytes that can be allocated now.
  virtual std::size_t available(int index) const = 0;
  virtual std::unique_ptr<Stream> make_stream(int index) = 0;
};

/// The backend of a kind; throws DeviceError when this build has none.
Backend& backend(DeviceKind kind);
void register_backend(DeviceKind kind, Backend& backend);

}  // namespace paretiny
