// The CPU's stream, and what the processor can do.
#pragma once

#include <memory>
#include <string>

#include "kernels/core/stream.h"

namespace paretiny::cpu {

class CpuStream : public Stream {
 public:
  CpuStream() : Stream({DeviceKind::cpu, 0}) {}

  void upload(void* to, const void* from, std::size_t bytes) override;
  void download(void* to, const void* from, std::size_t bytes) override;
  void copy(void* to, const void* from, std::size_t bytes) override;
  void zero(void* data, std::size_t bytes) override;
  void synchronize() override;
  std::unique_ptr<Recording> record(std::function<void()> work) override;
};

/// The instruction set that the kernels use here, as oneDNN names it ("AVX512_CORE_AMX", ...).
std::string instruction_set();
/// "oneDNN 2.6.3".
std::string library_version();
/// Whether bf16 products are faster than f32 ones here (AMX or AVX512-BF16).
bool has_fast_bf16();

}  // namespace paretiny::cpu
