#include "kernels/core/device.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

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

/// Whether the CUDA floor could find a GPU: without the driver's library it is not worth loading.
bool may_have_gpu() {
  return backends[static_cast<std::size_t>(DeviceKind::cuda)] != nullptr ||
         library_there("libcuda.so.1");
}

constexpr std::string_view kCuda = "cuda:";

/// A whole number from 0; nothing for other text.
std::optional<int> index_of(std::string_view text) {
  int index = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, index);
  if (error != std::errc{} || stop != end || index < 0) return std::nullopt;
  return index;
}

/// What may hide GPUs from CUDA, for people; empty where nothing does.
std::string visible() {
  const char* set = std::getenv("CUDA_VISIBLE_DEVICES");
  return set == nullptr ? "" : " (CUDA_VISIBLE_DEVICES is '" + std::string(set) + "')";
}

std::string why_none_of(const Backend& found) {
  const std::string why = found.why_none();
  return why.empty() ? why : why + visible();
}

/// The device, which must be there.
Device there(DeviceKind kind, int index) {
  const Device wanted{kind, index};
  const Backend& found = backend(kind);
  const std::size_t count = found.devices().size();
  if (count == 0) {
    throw DeviceError("device " + to_string(wanted) + " is not there: " + why_none_of(found) +
                      "; use --device cpu");
  }
  if (static_cast<std::size_t>(index) >= count) {
    throw DeviceError("device " + to_string(wanted) + " is not there: this machine has " +
                      std::to_string(count) + " of that kind, counted from 0" + visible());
  }
  return wanted;
}

}  // namespace

std::string to_string(Device device) {
  if (device.kind == DeviceKind::cpu) return "cpu";
  return "cuda:" + std::to_string(device.index);
}

std::string to_string(const std::vector<Device>& devices) {
  std::string text = to_string(devices.front());
  for (std::size_t i = 1; i < devices.size(); ++i) {
    text += ',';
    text += std::to_string(devices[i].index);
  }
  return text;
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
    if (kind == DeviceKind::cuda && !may_have_gpu()) continue;
    Backend* found = find_backend(kind);
    if (found == nullptr) continue;
    for (DeviceInfo& info : found->devices()) all.push_back(std::move(info));
  }
  return all;
}

std::string why_no_gpu() {
  const Backend* found = find_backend(DeviceKind::cuda);
  return found == nullptr ? why_no_cuda() : why_none_of(*found);
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
  if (text == "cpu") return there(DeviceKind::cpu, 0);
  if (text == "cuda") return there(DeviceKind::cuda, 0);
  const std::optional<int> index = text.starts_with(kCuda)
                                       ? index_of(std::string_view(text).substr(kCuda.size()))
                                       : std::nullopt;
  if (!index) {
    throw UsageError("'" + text + "' is no device; use auto, cpu, cuda or cuda:<index>");
  }
  return there(DeviceKind::cuda, *index);
}

std::vector<Device> parse_devices(const std::string& text) {
  if (text == "cuda:all") {
    there(DeviceKind::cuda, 0);
    std::vector<Device> all;
    for (const DeviceInfo& info : backend(DeviceKind::cuda).devices()) all.push_back(info.device);
    return all;
  }
  if (!text.starts_with(kCuda) || text.find(',') == std::string::npos) return {parse_device(text)};
  std::vector<Device> several;
  for (std::size_t begin = kCuda.size(); begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::optional<int> index = index_of(std::string_view(text).substr(begin, end - begin));
    const Device device{DeviceKind::cuda, index.value_or(0)};
    if (!index || std::ranges::find(several, device) != several.end()) {
      throw UsageError("'" + text +
                       "' names no devices; use cuda:all or cuda:<index>,<index>, each once");
    }
    several.push_back(device);
    begin = end + 1;
  }
  for (const Device device : several) there(device.kind, device.index);
  return several;
}

}  // namespace paretiny
