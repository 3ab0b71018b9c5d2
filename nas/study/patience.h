// What to do while the server of a study does not answer.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>

namespace paretiny::study {

/// How long whoever uses a study waits for its server when the connection is lost, trying again
/// with longer and longer pauses. A study in a file needs none.
struct Patience {
  std::chrono::milliseconds time = std::chrono::minutes(1);
  /// Told in a sentence when an outage begins and when it has ended.
  std::function<void(const std::string&)> note{};
  /// Ends the waiting, by Interrupted.
  std::stop_token stop{};
};

}  // namespace paretiny::study
