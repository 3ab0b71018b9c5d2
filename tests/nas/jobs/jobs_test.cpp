// What work side by side is made of: messages to one thread, threads that take tasks, memory that
// is shared out.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>
#include <vector>

#include "base/error.h"
#include "nas/jobs/inbox.h"
#include "nas/jobs/memory_budget.h"
#include "nas/jobs/task_thread.h"

namespace paretiny::jobs {
namespace {

using std::chrono::milliseconds;

/// Whether it comes true within ten seconds.
template <class Condition>
bool eventually(const Condition& holds) {
  for (int i = 0; i < 2000 && !holds(); ++i) std::this_thread::sleep_for(milliseconds(5));
  return holds();
}

TEST(Inbox, ServesMessagesInTheirOrderInTheThreadThatServes) {
  Inbox inbox;
  std::vector<int> served;
  const auto here = std::this_thread::get_id();
  std::thread other([&] {
    for (int i = 0; i < 100; ++i) {
      const auto message = [&served, &here, i] {
        EXPECT_EQ(std::this_thread::get_id(), here);
        served.push_back(i);
      };
      if (i % 3 == 0) {
        inbox.call(message, {});
        EXPECT_EQ(served.back(), i);
      } else {
        inbox.post(message);
      }
    }
  });
  while (served.size() < 100) ASSERT_TRUE(inbox.serve(milliseconds(10000), {}));
  other.join();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(served[static_cast<std::size_t>(i)], i);
  EXPECT_FALSE(inbox.serve(milliseconds(1), {}));
}

TEST(Inbox, ACallThatIsToStopIsNotServed) {
  Inbox inbox;
  std::stop_source stop;
  bool served = false;
  std::atomic<bool> interrupted = false;
  std::thread caller([&] {
    try {
      inbox.call([&] { served = true; }, stop.get_token());
    } catch (const Interrupted&) {
      interrupted = true;
    }
  });
  std::this_thread::sleep_for(milliseconds(20));
  stop.request_stop();
  caller.join();
  EXPECT_TRUE(interrupted);
  EXPECT_FALSE(inbox.serve(milliseconds(1), {}));
  EXPECT_FALSE(served);
}

TEST(Inbox, ACallReturnsWhateverItsMessageThrowsThere) {
  Inbox inbox;
  std::atomic<bool> returned = false;
  std::thread caller([&] {
    inbox.call([] { throw StoreError("the disk is full"); }, {});
    returned = true;
  });
  EXPECT_THROW(inbox.serve(milliseconds(10000), {}), StoreError);
  caller.join();
  EXPECT_TRUE(returned);
}

TEST(Inbox, AStopRequestEndsTheWait) {
  Inbox inbox;
  std::stop_source stop;
  std::thread other([&] {
    std::this_thread::sleep_for(milliseconds(20));
    stop.request_stop();
  });
  EXPECT_FALSE(inbox.serve(milliseconds(600000), stop.get_token()));
  other.join();
}

TEST(TaskThread, DoesOneTaskAfterAnotherAndHandsOutWhatTheyThrow) {
  std::vector<std::thread::id> ids;
  std::future<void> last;
  {
    TaskThread thread;
    for (int i = 0; i < 5; ++i) {
      thread.run([&] { ids.push_back(std::this_thread::get_id()); }).get();
    }
    EXPECT_THROW(thread.run([] { throw DataError("no"); }).get(), DataError);
    last = thread.run([&] {
      std::this_thread::sleep_for(milliseconds(20));
      ids.push_back(std::this_thread::get_id());
    });
  }
  last.get();  // the thread's end waited for it
  ASSERT_EQ(ids.size(), 6u);
  for (const std::thread::id id : ids) EXPECT_EQ(id, ids[0]);
  EXPECT_NE(ids[0], std::this_thread::get_id());
}

/// A thread that takes so much, and gives it back when told to.
struct Taker {
  Taker(MemoryBudget& budget, std::size_t bytes)
      : share(budget), thread([this, bytes] {
          try {
            share.take(bytes, stop.get_token());
            has = true;
          } catch (const Interrupted&) {
            interrupted = true;
          }
        }) {}
  ~Taker() {
    stop.request_stop();
    thread.join();
  }
  MemoryBudget::Share share;
  std::stop_source stop;
  std::atomic<bool> has = false, interrupted = false;
  std::thread thread;
};

bool still_waits(const Taker& taker) {
  std::this_thread::sleep_for(milliseconds(30));
  return !taker.has;
}

TEST(MemoryBudget, IsNeverOverdrawnByThoseWhoFit) {
  MemoryBudget budget(100);
  Taker first(budget, 60), second(budget, 40);
  EXPECT_TRUE(eventually([&] { return first.has && second.has; }));
  Taker third(budget, 50);
  EXPECT_TRUE(still_waits(third));
  second.share.give_back(0);
  EXPECT_TRUE(still_waits(third)) << "60 + 50 is more than 100";
  first.share.give_back(10);
  EXPECT_TRUE(eventually([&] { return third.has.load(); }));
}

TEST(MemoryBudget, WhatIsKeptCounts) {
  MemoryBudget budget(100);
  Taker first(budget, 60), second(budget, 30);
  ASSERT_TRUE(eventually([&] { return first.has && second.has; }));
  first.share.give_back(50);
  Taker third(budget, 40);
  EXPECT_TRUE(still_waits(third)) << "50 + 30 + 40 is more than 100";
  first.share.give_back(20);
  EXPECT_TRUE(eventually([&] { return third.has.load(); }));
}

TEST(MemoryBudget, OneAloneHasWhatItWantsAndAnotherWaits) {
  MemoryBudget budget(100);
  Taker first(budget, 1000);
  EXPECT_TRUE(eventually([&] { return first.has.load(); }));
  Taker second(budget, 1);
  EXPECT_TRUE(still_waits(second));
  first.share.give_back(0);
  EXPECT_TRUE(eventually([&] { return second.has.load(); }));
}

TEST(MemoryBudget, ABigOneIsNotOvertakenForEver) {
  MemoryBudget budget(100);
  Taker first(budget, 50);
  ASSERT_TRUE(eventually([&] { return first.has.load(); }));
  Taker big(budget, 90);
  ASSERT_TRUE(still_waits(big));
  Taker small(budget, 10);
  EXPECT_TRUE(still_waits(small)) << "it came later";
  first.share.give_back(0);
  EXPECT_TRUE(eventually([&] { return big.has && small.has; }));
}

TEST(MemoryBudget, AStopRequestEndsTheWaitAndLetsTheNextOnePass) {
  MemoryBudget budget(100);
  Taker first(budget, 50);
  ASSERT_TRUE(eventually([&] { return first.has.load(); }));
  Taker big(budget, 90);
  ASSERT_TRUE(still_waits(big));
  Taker small(budget, 10);
  big.stop.request_stop();
  EXPECT_TRUE(eventually([&] { return big.interrupted && small.has; }));
}

}  // namespace
}  // namespace paretiny::jobs
