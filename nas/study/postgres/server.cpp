#include "nas/study/postgres/server.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "kernels/core/random.h"
#include "nas/study/study.h"

namespace paretiny::study::postgres {
namespace {

constexpr std::chrono::milliseconds kFirstPause{50};
constexpr std::chrono::milliseconds kLongestPause{10000};
/// An outage that is shorter need not be known.
constexpr std::chrono::seconds kUntold{2};
/// Who has been asked to end soon must have time to do so: Slurm kills after 30 s.
constexpr std::chrono::milliseconds kLastPatience{10000};

/// Sleeps so long, or until a stop request comes.
void sleep_for(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  if (stop.stop_requested()) {
    never.wait_for(lock, time, [] { return false; });
  } else {
    never.wait_for(lock, stop, time, [] { return false; });
  }
}

}  // namespace

Server::Server(const Location& location, Connection::Mode mode, const Patience& patience)
    : location_(location), mode_(mode), patience_(patience) {
  connect();
}

void Server::connect() {
  connection_.emplace(location_, mode_, kConnectTime);
  if (before_) connection_->end(*before_);
  before_.reset();
}

void Server::answered() {
  lost_since_.reset();
  if (told_ && patience_.note) patience_.note("the server of the study answers again");
  told_ = false;
}

void Server::await(const std::string& why) {
  // One that was lost before the one before it had ended was asked nothing yet.
  if (connection_ && !before_) before_ = connection_->backend();
  connection_.reset();
  const Clock::time_point now = Clock::now();
  if (!lost_since_) {
    lost_since_ = now;
    pause_ = kFirstPause;
  }
  const std::chrono::milliseconds patience =
      patience_.stop.stop_requested() ? std::min(patience_.time, kLastPatience) : patience_.time;
  if (now - *lost_since_ >= patience) throw ConnectionLost(why);
  if (!told_ && now - *lost_since_ > kUntold) {
    told_ = true;
    if (patience_.note) patience_.note(why);
  }
  // Many workers lose one server at one moment: they shall not all come back at one.
  Random random(static_cast<std::uint64_t>(now.time_since_epoch().count()), process_owner());
  const auto half = static_cast<std::uint64_t>(pause_.count() / 2);
  sleep_for(std::chrono::milliseconds(half + random.below(half + 1)), patience_.stop);
  pause_ = std::min(pause_ * 2, kLongestPause);
}

}  // namespace paretiny::study::postgres
