#include "nas/jobs/task_thread.h"

#include <system_error>
#include <utility>

#include "base/error.h"

namespace paretiny::jobs {

TaskThread::TaskThread() {
  try {
    thread_ = std::thread([this] { serve(); });
  } catch (const std::system_error&) {
    throw OutOfMemory(
        "no further thread can be started for the search: memory, or the number that is allowed, "
        "is used up; fewer jobs need less");
  }
}

TaskThread::~TaskThread() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

std::future<void> TaskThread::run(std::function<void()> task) {
  std::packaged_task<void()> packaged(std::move(task));
  std::future<void> done = packaged.get_future();
  {
    const std::lock_guard lock(mutex_);
    task_ = std::move(packaged);
  }
  changed_.notify_one();
  return done;
}

void TaskThread::serve() {
  while (true) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ends_ || task_.valid(); });
    if (!task_.valid()) return;
    std::packaged_task<void()> task = std::exchange(task_, {});
    lock.unlock();
    task();
  }
}

}  // namespace paretiny::jobs
