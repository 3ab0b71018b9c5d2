// The server of one study, through outages; private to this folder.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "nas/study/patience.h"
#include "nas/study/postgres/connection.h"

namespace paretiny::study::postgres {

class Server {
 public:
  /// Throws at once what keeps from a first connection, ConnectionLost too.
  Server(const Location& location, Connection::Mode mode, const Patience& patience);

  const Location& location() const { return location_; }

  /// Runs `work` with a connection. When that is lost, it is made anew, and `work` runs again,
  /// told that its first run may have done everything that it was to do, as often as need be, until
  /// the patience ends: then ConnectionLost, which is a StoreError.
  template <typename Work>
  auto run(const Work& work) {
    for (bool again = false;; again = true) {
      try {
        if (!connection_) connect();
        auto result = work(*connection_, again);
        answered();
        return result;
      } catch (const ConnectionLost& lost) {
        if (in_one_go_) throw;
        await(lost.what());
      }
    }
  }

  /// From now on a lost connection ends what is run, or no more.
  void in_one_go(bool wanted) { in_one_go_ = wanted; }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kConnectTime{15000};

  /// A new connection. What the one before was asked is done or undone for good from then on.
  void connect();
  /// An outage, if there was one, is over.
  void answered();
  /// Waits before the next try. Throws ConnectionLost, saying `why`, when patience ends.
  void await(const std::string& why);

  const Location location_;
  const Connection::Mode mode_;
  const Patience patience_;
  std::optional<Connection> connection_;
  std::optional<Backend> before_;  ///< of a connection that was lost
  std::optional<Clock::time_point> lost_since_;
  std::chrono::milliseconds pause_{};
  bool in_one_go_ = false;
  bool told_ = false;  ///< that there is an outage
};

}  // namespace paretiny::study::postgres
