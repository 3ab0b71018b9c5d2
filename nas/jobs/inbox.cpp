#include "nas/jobs/inbox.h"

#include <algorithm>

#include "base/error.h"

namespace paretiny::jobs {

void Inbox::post(Message message) {
  {
    const std::lock_guard lock(mutex_);
    entries_.push_back({++left_, std::move(message)});
  }
  changed_.notify_all();
}

void Inbox::call(const Message& message, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const std::uint64_t number = ++left_;
  // By reference: whoever called waits until it was served.
  entries_.push_back({number, [&message] { message(); }});
  changed_.notify_all();
  const auto waiting = [&] {
    return std::ranges::find(entries_, number, &Entry::number) != entries_.end();
  };
  changed_.wait(lock, stop, [&] { return !waiting(); });
  if (waiting()) {
    std::erase_if(entries_, [&](const Entry& entry) { return entry.number == number; });
    throw Interrupted("interrupted");
  }
  changed_.wait(lock, [&] { return serving_ != number; });
}

bool Inbox::serve(std::chrono::milliseconds wait, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, stop, wait, [&] { return !entries_.empty(); })) return false;
  const Entry entry = std::move(entries_.front());
  entries_.pop_front();
  serving_ = entry.number;
  lock.unlock();
  struct Served {
    Inbox& inbox;
    ~Served() {
      {
        const std::lock_guard lock(inbox.mutex_);
        inbox.serving_ = 0;
      }
      inbox.changed_.notify_all();
    }
  } const served{*this};
  entry.message();
  return true;
}

}  // namespace paretiny::jobs
