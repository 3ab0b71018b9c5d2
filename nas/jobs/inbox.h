// What threads have to say to the one that serves them, in the order that they said it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>

namespace paretiny::jobs {

class Inbox {
 public:
  using Message = std::function<void()>;

  /// Leaves a message.
  void post(Message message);
  /// Leaves a message and returns once it was served. Throws Interrupted on a stop request before
  /// that; then it is not served any more.
  void call(const Message& message, const std::stop_token& stop);

  /// Serves the next message, here, waiting for it so long; false when there was none, or on a stop
  /// request. Throws what the message throws.
  bool serve(std::chrono::milliseconds wait, const std::stop_token& stop);

 private:
  struct Entry {
    std::uint64_t number;
    Message message;
  };

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Entry> entries_;
  std::uint64_t left_ = 0;     ///< messages so far
  std::uint64_t serving_ = 0;  ///< number of the one that is being served; 0: none
};

}  // namespace paretiny::jobs
