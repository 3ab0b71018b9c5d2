#include "kernels/host_threads.h"

#include <omp.h>

#include <algorithm>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "kernels/error.h"

namespace paretiny {

void start_host_threads() {
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

}  // namespace paretiny
