#include "kernels/core/device.h"

#include <array>
#include <charconv>

#include "base/error.h"
#include "kernels/core/module.h"

namespace paretiny {
namespace {

constinit std::array<Backend*, kDeviceKinds> backends{};

/// Why the CUDA floor is not loaded; empty when it is. Asked for the first time, loads it: its
/// libraries take ten times as long as everything else a program does when it starts.
const std::string& why_no_cuda() {
  static const std::string why = load_module("libparetiny_cuda.so");
  return why;
}

/// Null when this build has no backend of the kind.
Backend* find_backend(DeviceKind kind) {
  Backend*& found = backends[static_cast<std::size_t>(kind)];
  if (found == nullptr && kind == DeviceKind::cuda) why_no_cuda();
  return found;
}

}  // namespace

std::string to_string(Device device) {
  if (device.kind == DeviceKind::cpu) return "cpu";
  return "cuda:" + std::to_string(device.index);
}

void register_backend(DeviceKind kind, Backend& backend) {
  backends[static_cast<std::size_t>(kind)] = &backend;
}

Backend& backend(DeviceKind kind) {
  if (Backend* found = find_backend(kind)) return *found;
  throw DeviceError("device 'cuda' is not there: " + why_no_cuda() +
                    "; use --device cpu, or build with the CUDA toolkit");
}

std::vector<DeviceInfo> devices() {
  std::vector<DeviceInfo> all;
  for (const DeviceKind kind : {DeviceKind::cuda, DeviceKind::cpu}) {
    Backend* found = find_backend(kind);
    if (found == nullptr) continue;
    for (DeviceInfo& info : found->devices()) all.push_back(std::move(info));
  }
  return all;
}

std::string why_no_gpu() {
  const Backend* found = find_backend(DeviceKind::cuda);
  return found == nullptr ? why_no_cuda() : found->why_none();
}

std::string compute_libraries() {
  std::string list;
  for (const DeviceKind kind : {DeviceKind::cpu, DeviceKind::cuda}) {
    const Backend* found = find_backend(kind);
    if (found != nullptr) list += (list.empty() ? "" : ", ") + found->libraries();
  }
  return list;
}

Device parse_device(const std::string& text) {
  if (text == "auto") return devices().front().device;
  Device wanted;
  if (text.starts_with("cuda")) {
    wanted.kind = DeviceKind::cuda;
    if (text.size() > 4) {
      const char* end = text.data() + text.size();
      const auto [stop, error] = std::from_chars(text.data() + 5, end, wanted.index);
      if (text[4] != ':' || error != std::errc{} || stop != end || wanted.index < 0) {
        throw UsageError("'" + text + "' is no device; use auto, cpu, cuda or cuda:<index>");
      }
    }
  } else if (text != "cpu") {
    throw UsageError("'" + text + "' is no device; use auto, cpu, cuda or cuda:<index>");
  }
  const Backend& kind = backend(wanted.kind);
  const std::size_t count = kind.devices().size();
  if (count == 0) {
    throw DeviceError("device " + to_string(wanted) + " is not there: " + kind.why_none() +
                      "; use --device cpu");
  }
  if (static_cast<std::size_t>(wanted.index) >= count) {
    throw DeviceError("device " + to_string(wanted) + " is not there: this machine has " +
                      std::to_string(count) + " of that kind");
  }
  return wanted;
}

}  // namespace paretiny
