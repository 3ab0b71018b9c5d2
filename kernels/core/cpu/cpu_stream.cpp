#include "kernels/core/cpu/cpu_stream.h"

#include <cstring>
#include <oneapi/dnnl/dnnl.hpp>

namespace paretiny::cpu {

namespace {

/// An empty vector's data is null, which memcpy may not be given, for no bytes either.
void copy_bytes(void* to, const void* from, std::size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}

}  // namespace

void CpuStream::upload(void* to, const void* from, std::size_t bytes) {
  copy_bytes(to, from, bytes);
}
void CpuStream::download(void* to, const void* from, std::size_t bytes) {
  copy_bytes(to, from, bytes);
}
void CpuStream::copy(void* to, const void* from, std::size_t bytes) {
  copy_bytes(to, from, bytes);
}
void CpuStream::zero(void* data, std::size_t bytes) {
  if (bytes > 0) std::memset(data, 0, bytes);
}
void CpuStream::synchronize() {}

std::unique_ptr<Recording> CpuStream::record(std::function<void()> work) {
  class Call : public Recording {
   public:
    explicit Call(std::function<void()> given) : work_(std::move(given)) {}
    void run() override { work_(); }

   private:
    std::function<void()> work_;
  };
  return std::make_unique<Call>(std::move(work));
}

std::string instruction_set() {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::avx512_core_amx:
      return "AVX512 AMX";
    case dnnl::cpu_isa::avx512_core_bf16:
      return "AVX512 BF16";
    case dnnl::cpu_isa::avx512_core_vnni:
      return "AVX512 VNNI";
    case dnnl::cpu_isa::avx512_core:
      return "AVX512";
    case dnnl::cpu_isa::avx2_vnni:
      return "AVX2 VNNI";
    case dnnl::cpu_isa::avx2:
      return "AVX2";
    case dnnl::cpu_isa::avx:
      return "AVX";
    case dnnl::cpu_isa::sse41:
      return "SSE4.1";
    default:
      return "x86-64";
  }
}

std::string library_version() {
  const dnnl::version_t* version = dnnl::version();
  return "oneDNN " + std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
         std::to_string(version->patch);
}

bool has_fast_bf16() {
  const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
  return isa == dnnl::cpu_isa::avx512_core_amx || isa == dnnl::cpu_isa::avx512_core_bf16;
}

}  // namespace paretiny::cpu
