#include "nas/jobs/memory_budget.h"

#include "base/error.h"

namespace paretiny::jobs {

void MemoryBudget::Share::take(std::size_t bytes, const std::stop_token& stop) {
  MemoryBudget& all = budget_;
  std::unique_lock lock(all.mutex_);
  all.waiting_.push_back(this);
  const bool taken = all.changed_.wait(lock, stop, [&] {
    return all.waiting_.front() == this &&
           (all.at_work_ == 0 || all.held_ - held_ + bytes <= all.bytes_);
  });
  std::erase(all.waiting_, this);
  if (taken) {
    all.held_ += bytes - held_;
    held_ = bytes;
    at_work_ = true;
    ++all.at_work_;
  }
  lock.unlock();
  all.changed_.notify_all();
  if (!taken) throw Interrupted("interrupted");
}

void MemoryBudget::Share::give_back(std::size_t kept) {
  {
    const std::lock_guard lock(budget_.mutex_);
    budget_.held_ += kept - held_;
    held_ = kept;
    if (at_work_) --budget_.at_work_;
    at_work_ = false;
  }
  budget_.changed_.notify_all();
}

}  // namespace paretiny::jobs
