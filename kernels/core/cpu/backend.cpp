// The CPU as a device: aligned host memory, and a stream whose work is done when a call returns.
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "kernels/core/cpu/cpu_stream.h"
#include "kernels/core/threads.h"

namespace paretiny {
namespace {

std::string model_name() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "CPU";
}

class CpuBackend : public Backend {
 public:
  CpuBackend() { register_backend(DeviceKind::cpu, *this); }

  std::vector<DeviceInfo> devices() const override {
    const auto pages = static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES));
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGE_SIZE));
    return {{{DeviceKind::cpu, 0},
             model_name(),
             pages * page,
             cpu::instruction_set(),
             cpu::has_fast_bf16(),
             false}};
  }

  std::string why_none() const override { return ""; }

  std::string libraries() const override { return cpu::library_version(); }

  void* allocate(int, std::size_t bytes) override {
    void* data = std::aligned_alloc(64, aligned(bytes == 0 ? 1 : bytes));
    if (data == nullptr) {
      throw OutOfMemory("cannot allocate " + std::to_string(bytes) + " bytes of host memory");
    }
    return data;
  }

  void release(int, void* data) noexcept override { std::free(data); }

  std::size_t available(int) const override {
    std::ifstream memory("/proc/meminfo");
    std::string key;
    std::size_t kilobytes = 0;
    for (std::string line; std::getline(memory, line);) {
      std::istringstream fields(line);
      if (fields >> key >> kilobytes && key == "MemAvailable:") return kilobytes * 1024;
    }
    return devices().front().memory_bytes;
  }

  std::unique_ptr<Stream> make_stream(int) override {
    start_threads();
    return std::make_unique<cpu::CpuStream>();
  }
};

CpuBackend the_backend;

}  // namespace

}  // namespace paretiny
