// A thread that does one task after another.
#pragma once

#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

namespace paretiny::jobs {

class TaskThread {
 public:
  /// Throws OutOfMemory where the system gives no thread more.
  TaskThread();
  /// Waits for what it does.
  ~TaskThread();
  TaskThread(const TaskThread&) = delete;
  TaskThread& operator=(const TaskThread&) = delete;

  /// Hands it a task; it must have none. What the task throws is the future's.
  std::future<void> run(std::function<void()> task);

 private:
  void serve();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::packaged_task<void()> task_;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace paretiny::jobs
