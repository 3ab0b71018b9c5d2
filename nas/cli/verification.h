// Models built and run in the emulator, as a table: what `verify` and the end of `search` share.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <stop_token>
#include <thread>
#include <vector>

#include "engine/deploy/export/export.h"
#include "nas/cli/arguments/deploy_options.h"

namespace paretiny::cli {

/// The models are built and run side by side, as many at a time as the machine has processors, and
/// printed in their order.
class VerificationTable {
 public:
  /// Starts at once. `runs` inputs a model; `steps`: also the instructions of every step;
  /// `cmsis_nn`: its kernels in place of our own; `samples`: in place of random inputs, to stay.
  VerificationTable(std::vector<NamedModel> models, const deploy::Core& core, std::int64_t runs,
                    bool steps, std::stop_token stop,
                    const std::optional<deploy::CmsisNnLibrary>& cmsis_nn = {},
                    const data::Samples* samples = nullptr);
  /// Ends what still runs.
  ~VerificationTable();
  VerificationTable(const VerificationTable&) = delete;
  VerificationTable& operator=(const VerificationTable&) = delete;

  /// Waits for the next model and prints its line, and before the first the heading; called once a
  /// model. Throws ToolError, UsageError and Interrupted.
  void print_next();
  /// Throws Error when an output byte of any of them differed.
  void finish() const;

 private:
  void work();

  const std::vector<NamedModel> models_;
  const bool steps_;
  const bool by_cmsis_nn_;
  std::size_t printed_ = 0;
  bool headed_ = false;
  std::int64_t differing_ = 0;
  std::vector<std::packaged_task<deploy::Verification()>> tasks_;
  std::atomic<std::size_t> begun_ = 0;
  std::stop_source end_;
  const std::stop_callback<std::function<void()>> on_stop_;
  std::vector<std::jthread> workers_;  ///< the last member: they end before the others do
};

}  // namespace paretiny::cli
