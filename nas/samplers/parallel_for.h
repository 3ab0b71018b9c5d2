// A loop on OpenMP's threads whose body may throw.
#pragma once

#include <exception>
#include <vector>

namespace paretiny {

/// Calls body(0) .. body(count - 1), each on one thread; rethrows the first exception by index.
template <class Body>
void parallel_for(std::size_t count, const Body& body) {
  std::vector<std::exception_ptr> failures(count);
  // One by one: the calls differ in cost, and each writes to its own place.
#pragma omp parallel for schedule(dynamic, 1)
  for (std::size_t i = 0; i < count; ++i) {
    try {
      body(i);
    } catch (...) {
      failures[i] = std::current_exception();
    }
  }
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace paretiny
