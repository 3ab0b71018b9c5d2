#include "kernels/core/threads.h"

#include <gtest/gtest.h>
#include <time.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

namespace paretiny {
namespace {

/// The calling thread's count for one test.
class Threads : public testing::TestWithParam<int> {
 protected:
  Threads() : before_(thread_count()) { set_thread_count(GetParam()); }
  ~Threads() override { set_thread_count(before_); }

 private:
  int before_;
};

TEST_P(Threads, EveryCallOnce) {
  for (const std::int64_t count : {0, 1, 2, 3, 7, 64, 1001}) {
    std::vector<std::atomic<int>> calls(static_cast<std::size_t>(count));
    const auto call = [&](std::int64_t i) { ++calls[static_cast<std::size_t>(i)]; };
    parallel_for(count, true, call);
    parallel_each(count, true, call);
    parallel_for(count, false, call);
    for (const std::atomic<int>& n : calls) EXPECT_EQ(n, 3);
  }
  std::vector<std::atomic<int>> cells(15);
  parallel_for(3, 5, true, [&](std::int64_t i, std::int64_t j) {
    ++cells[static_cast<std::size_t>(i * 5 + j)];
  });
  for (const std::atomic<int>& n : cells) EXPECT_EQ(n, 1);
}

TEST_P(Threads, OneThreadAnIndexBelowTheCount) {
  std::vector<std::atomic<int>> inside(static_cast<std::size_t>(thread_count()));
  for (int round = 0; round < 200; ++round) {
    parallel_each(50, true, [&](std::int64_t) {
      ASSERT_LT(thread_index(), GetParam());
      std::atomic<int>& mine = inside[static_cast<std::size_t>(thread_index())];
      EXPECT_EQ(mine.fetch_add(1), 0);
      mine.fetch_sub(1);
    });
  }
  EXPECT_EQ(thread_index(), 0);
}

TEST_P(Threads, FewerCallsThanThreads) {
  for (int round = 0; round < 200; ++round) {
    parallel_each(2, true, [&](std::int64_t) { EXPECT_LT(thread_index(), 2); });
  }
}

/// A loop within a loop has scratch of its own, for its first thread.
TEST_P(Threads, LoopsWithinLoops) {
  std::atomic<std::int64_t> sum{0};
  parallel_each(20, true, [&](std::int64_t i) {
    const int outer = thread_index();
    parallel_for(30, true, [&](std::int64_t j) {
      EXPECT_EQ(thread_index(), 0);
      sum += i * j;
    });
    EXPECT_EQ(thread_index(), outer);
  });
  EXPECT_EQ(sum, 190 * 435);
}

TEST_P(Threads, AFailureIsTheCallers) {
  for (int round = 0; round < 50; ++round) {
    EXPECT_THROW(parallel_each(100, true,
                               [](std::int64_t i) {
                                 if (i == 42) throw std::runtime_error("42");
                               }),
                 std::runtime_error);
  }
  std::atomic<int> calls{0};
  parallel_each(100, true, [&](std::int64_t) { ++calls; });
  EXPECT_EQ(calls, 100);
}

/// Piece 3 throws after piece 5 where threads take both.
TEST_P(Threads, TheFirstFailureByIndexCounts) {
  for (int round = 0; round < 20; ++round) {
    std::atomic<bool> later_threw{false};
    const auto piece = [&](std::int64_t i) {
      if (i == 5) {
        later_threw = true;
        throw std::runtime_error("5");
      }
      if (i != 3) return;
      // Not for long: where one thread has both it comes to the later one afterwards.
      for (int look = 0; look < 10 && !later_threw; ++look) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      throw std::runtime_error("3");
    };
    try {
      parallel_each(64, true, piece);
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "3");
    }
  }
}

TEST_P(Threads, CallersAtOnce) {
  const auto sums = [] {
    set_thread_count(GetParam());
    for (int round = 0; round < 300; ++round) {
      std::atomic<std::int64_t> sum{0};
      parallel_for(100, true, [&](std::int64_t i) { sum += i; });
      EXPECT_EQ(sum, 4950);
    }
  };
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) callers.emplace_back(sums);
  for (std::thread& caller : callers) caller.join();
}

INSTANTIATE_TEST_SUITE_P(Counts, Threads, testing::Values(1, 2, 5));

double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Threads that wait, for a slow piece or for the next loop, use no processor.
TEST(ThreadsAtRest, WaitAsleep) {
  set_thread_count(4);
  parallel_each(4, true, [](std::int64_t) {});
  const double before = processor_seconds();
  parallel_each(4, true, [](std::int64_t i) {
    if (i == 0) std::this_thread::sleep_for(std::chrono::milliseconds(300));
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(processor_seconds() - before, 0.1) << "of half a second in which nobody works";
}

}  // namespace
}  // namespace paretiny
