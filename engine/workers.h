// Threads that share out work among themselves.
#pragma once

#include <exception>
#include <thread>
#include <vector>

namespace paretiny {

/// Up to `count` threads that run `work`, which must not throw. Fewer where memory or the number of
/// threads that are allowed is used up; throws what kept the first from it.
template <class Work>
std::vector<std::jthread> start_workers(std::size_t count, const Work& work) {
  std::vector<std::jthread> workers;
  workers.reserve(count);
  while (workers.size() < count) {
    try {
      workers.emplace_back(work);
    } catch (const std::exception&) {
      if (workers.empty()) throw;
      break;
    }
  }
  return workers;
}

}  // namespace paretiny
