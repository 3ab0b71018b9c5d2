// A program of the user's that answers lines with lines for as long as it is wanted.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "base/descriptor.h"
#include "base/error.h"

namespace paretiny {

/// Runs a command of the shell beside this program, its standard error being this program's. It
/// ends when this is gone: its input closes, and what does not end by that is killed.
class Coprocess {
 public:
  /// Throws std::system_error where no process can be made.
  explicit Coprocess(std::string command);
  ~Coprocess();
  Coprocess(const Coprocess&) = delete;
  Coprocess& operator=(const Coprocess&) = delete;

  /// Passes `line` on and returns the line that comes back, without its end. Throws ToolError,
  /// naming the command, when it has ended or nothing came for `limit`, and Interrupted.
  std::string answer(const std::string& line, const std::stop_token& stop = {},
                     std::chrono::seconds limit = std::chrono::seconds(60));

 private:
  void pass(const std::string& line);
  [[noreturn]] void fail(const std::string& what) const;

  const std::string command_;
  int process_ = -1;
  Descriptor end_;      ///< of the socket that is the command's input and output
  std::string unread_;  ///< what came beyond the last line
};

}  // namespace paretiny
