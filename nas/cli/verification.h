// Models built and run in the emulator, as a table: what `verify` and the end of `search` share.
#pragma once

#include <stop_token>

#include "nas/cli/deploy_options.h"

namespace paretiny {

class VerificationTable {
 public:
  /// `runs` inputs a model; `steps`: also the instructions of every step.
  VerificationTable(const Core& core, std::int64_t runs, bool steps, std::stop_token stop);

  /// Builds and runs a model and prints its line, and before the first the heading. Throws
  /// ToolError and Interrupted.
  void add(const NamedModel& named);
  /// Throws Error when an output byte of any of them differed.
  void finish() const;

 private:
  const Core core_;
  const std::int64_t runs_;
  const bool steps_;
  const std::stop_token stop_;
  bool headed_ = false;
  std::int64_t differing_ = 0;
};

}  // namespace paretiny
