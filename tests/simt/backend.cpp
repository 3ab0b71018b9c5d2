// The SIMT twin as device cuda:0.
#include <cstring>

#include "kernels/core/cuda/libraries.h"
#include "kernels/core/stream.h"
#include "tests/simt/memory.h"
#include "tests/simt/recording.h"

namespace paretiny::simt {
namespace {

class SimtStream : public Stream {
 public:
  SimtStream() : Stream({DeviceKind::cuda, 0}) {}

  void upload(void* to, const void* from, std::size_t bytes) override {
    forbid_while_recording("upload");
    check_device_memory("upload", to, bytes);
    std::memcpy(to, from, bytes);
  }
  void download(void* to, const void* from, std::size_t bytes) override {
    forbid_while_recording("download");
    check_device_memory("download", from, bytes);
    std::memcpy(to, from, bytes);
  }
  void copy(void* to, const void* from, std::size_t bytes) override {
    check_device_memory("copy", to, bytes);
    check_device_memory("copy", from, bytes);
    Given("copy").with(to).with(from).with(bytes).note();
    std::memcpy(to, from, bytes);
  }
  void zero(void* data, std::size_t bytes) override {
    check_device_memory("zero", data, bytes);
    Given("zero").with(data).with(bytes).note();
    std::memset(data, 0, bytes);
  }
  void synchronize() override { forbid_while_recording("synchronize"); }

  std::unique_ptr<Recording> record(std::function<void()> work) override {
    return simt::record(*this, std::move(work));
  }
};

class SimtBackend : public Backend {
 public:
  SimtBackend() { register_backend(DeviceKind::cuda, *this); }

  std::vector<DeviceInfo> devices() const override {
    return {{{DeviceKind::cuda, 0}, "SIMT twin", kMemoryBytes, "fibers", true, true}};
  }
  std::string why_none() const override { return ""; }
  std::string libraries() const override { return cuda::library_versions(); }

  void* allocate(int, std::size_t bytes) override {
    forbid_while_recording("allocation");
    return simt::allocate(bytes);
  }
  void release(int, void* data) noexcept override { simt::release(data); }
  std::size_t available(int) const override { return kMemoryBytes - allocated_bytes(); }

  std::unique_ptr<Stream> make_stream(int) override { return std::make_unique<SimtStream>(); }
};

SimtBackend the_backend;

}  // namespace
}  // namespace paretiny::simt

namespace paretiny::cuda {

/// Odd, so that grids do not come out even.
int multiprocessors(Stream&) {
  return 3;
}

std::size_t shared_memory_limit(Stream&) {
  return 227 * 1024;
}

}  // namespace paretiny::cuda
