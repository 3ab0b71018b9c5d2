// Memory that candidates side by side share out before they take it, so that none is refused what
// another took meanwhile.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <stop_token>

namespace paretiny::jobs {

class MemoryBudget {
 public:
  explicit MemoryBudget(std::size_t bytes) : bytes_(bytes) {}

  /// What one worker holds of it.
  class Share {
   public:
    explicit Share(MemoryBudget& budget) : budget_(budget) {}
    ~Share() { give_back(0); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    /// Waits until the share may have `bytes`, in the order of those who ask. When no other is at
    /// work it has them at once, whether they fit or not. Throws Interrupted.
    void take(std::size_t bytes, const std::stop_token& stop);
    /// The work is done; so many bytes stay in use.
    void give_back(std::size_t kept);

   private:
    MemoryBudget& budget_;
    std::size_t held_ = 0;
    bool at_work_ = false;
  };

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  const std::size_t bytes_;
  std::size_t held_ = 0;  ///< by all shares
  int at_work_ = 0;
  std::deque<const Share*> waiting_;
};

}  // namespace paretiny::jobs
