// The CPU as a device: aligned host memory, and a stream whose work is done when a call returns.
#include <omp.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <latch>
#include <sstream>
#include <thread>
#include <vector>

#include "kernels/cpu/cpu_stream.h"
#include "kernels/error.h"

namespace paretiny {
namespace {

std::string model_name() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "CPU";
}

/// Starts the threads that OpenMP uses for this one. libgomp ends the process where it cannot start
/// one, so that is tried before. Throws OutOfMemory.
void start_threads() {
  thread_local int started = 1;
  const int wanted = std::min(omp_get_max_threads(), omp_get_thread_limit());
  if (wanted <= started) return;
  std::latch all_tried(1);
  std::vector<std::jthread> tried;
  try {
    while (static_cast<int>(tried.size()) < wanted - 1) {
      tried.emplace_back([&] { all_tried.wait(); });
    }
  } catch (const std::exception&) {
    all_tried.count_down();
    throw OutOfMemory("only " + std::to_string(tried.size() + 1) + " of " + std::to_string(wanted) +
                      " threads can be started: memory, or the number that is allowed, is used up; "
                      "OMP_NUM_THREADS sets how many are wanted");
  }
  all_tried.count_down();
  tried.clear();
  // They stay, whatever becomes of memory later.
#pragma omp parallel
  {}
  started = wanted;
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
