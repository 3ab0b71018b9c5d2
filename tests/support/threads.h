// Results must not depend on the number of threads.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "kernels/core/threads.h"
#include "tests/support/kernels.h"

namespace paretiny::test {

/// `run` with one and with two threads must leave the same bytes in `results`.
inline void expect_same_for_any_threads(const std::function<void()>& run,
                                        const std::vector<const Tensor*>& results) {
  const int threads = thread_count();
  std::vector<std::vector<unsigned char>> first;
  for (const int count : {1, 2, 5}) {
    set_thread_count(count);
    run();
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (count == 1) {
        first.push_back(results[i]->bytes());
      } else {
        EXPECT_EQ(results[i]->bytes(), first[i]) << "result " << i << ", " << count << " threads";
      }
    }
  }
  set_thread_count(threads);
}

}  // namespace paretiny::test
