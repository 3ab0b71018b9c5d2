#include "base/phase.h"

#include <array>
#include <cstdio>

#include "base/log.h"
#ifdef PARETINY_NVTX
#include <nvtx3/nvToolsExt.h>
#endif

namespace paretiny {

#ifdef PARETINY_NVTX
ProfilerRange::ProfilerRange(const char* name) {
  nvtxRangePushA(name);
}
ProfilerRange::~ProfilerRange() {
  nvtxRangePop();
}
#else
ProfilerRange::ProfilerRange(const char*) {}
ProfilerRange::~ProfilerRange() = default;
#endif

Phase::Phase(const char* name)
    : range_(name), name_(name), begin_(std::chrono::steady_clock::now()) {}

Phase::~Phase() {
  if (!logs(LogLevel::debug)) return;
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin_;
  // Without asking for memory: a phase also ends by an exception.
  std::array<char, 120> line;
  const int length =
      std::snprintf(line.data(), line.size(), "paretiny: %s: %.3f s\n", name_, taken.count());
  std::fwrite(line.data(), 1, static_cast<std::size_t>(length), stderr);
}

}  // namespace paretiny
