#include "kernels/device.h"

#include <array>
#include <charconv>

#include "kernels/error.h"

namespace paretiny {
namespace {

constinit std::array<Backend*, kDeviceKinds> backends{};

const char* name_of(DeviceKind kind) {
  return kind == DeviceKind::cpu ? "cpu" : "cuda";
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
  Backend* found = backends[static_cast<std::size_t>(kind)];
  if (found == nullptr) {
    throw DeviceError(std::string("this build has no support for device '") + name_of(kind) +
                      "'; use --device cpu, or build with the CUDA toolkit");
  }
  return *found;
}

std::vector<DeviceInfo> devices() {
  std::vector<DeviceInfo> all;
  for (const DeviceKind kind : {DeviceKind::cuda, DeviceKind::cpu}) {
    Backend* found = backends[static_cast<std::size_t>(kind)];
    if (found == nullptr) continue;
    for (DeviceInfo& info : found->devices()) all.push_back(std::move(info));
  }
  return all;
}

std::string why_no_gpu() {
  const Backend* found = backends[static_cast<std::size_t>(DeviceKind::cuda)];
  return found == nullptr ? "this build has no support for it" : found->why_none();
}

std::string compute_libraries() {
  std::string list;
  for (const Backend* found : backends) {
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
