// A loop whose calls may throw: the first exception by index counts, whoever threw first.
#pragma once

#include <exception>
#include <vector>

#include "kernels/core/threads.h"

namespace paretiny {

/// Calls body(0) .. body(count - 1), each on one thread; rethrows the first exception by index.
template <class Body>
void parallel_for(std::size_t count, const Body& body) {
  std::vector<std::exception_ptr> failures(count);
  // One by one: the calls differ in cost, and each writes to its own place.
  parallel_each(static_cast<std::int64_t>(count), true, [&](std::int64_t item) {
    const auto i = static_cast<std::size_t>(item);
    try {
      body(i);
    } catch (...) {
      failures[i] = std::current_exception();
    }
  });
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace paretiny
