// Named pieces of a run, for profilers and the log.
#pragma once

#include <chrono>

namespace paretiny {

/// While it lives, a range of NVTX on the calling thread, as Nsight Systems shows it, where the
/// program is built with CUDA. `name` must outlive it, as a literal does.
class ProfilerRange {
 public:
  explicit ProfilerRange(const char* name);
  ~ProfilerRange();
  ProfilerRange(const ProfilerRange&) = delete;
  ProfilerRange& operator=(const ProfilerRange&) = delete;
};

/// A range long enough to be told of: at its end a line of the log at level debug, with its
/// seconds.
class Phase {
 public:
  explicit Phase(const char* name);
  ~Phase();
  Phase(const Phase&) = delete;
  Phase& operator=(const Phase&) = delete;

 private:
  ProfilerRange range_;
  const char* name_;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace paretiny
