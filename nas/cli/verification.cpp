#include "nas/cli/verification.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "base/error.h"
#include "engine/workers.h"
#include "nas/summary/format.h"

namespace paretiny::cli {

VerificationTable::VerificationTable(std::vector<NamedModel> models, const deploy::Core& core,
                                     std::int64_t runs, bool steps, std::stop_token stop,
                                     const std::optional<deploy::CmsisNnLibrary>& cmsis_nn,
                                     const data::Samples* samples)
    : models_(std::move(models)),
      steps_(steps),
      by_cmsis_nn_(cmsis_nn.has_value()),
      on_stop_(std::move(stop), [this] { end_.request_stop(); }) {
  for (const NamedModel& named : models_) {
    tasks_.emplace_back([&named, core, runs, cmsis_nn, samples, end = end_.get_token()] {
      if (end.stop_requested()) throw Interrupted("interrupted");
      return deploy::verify(named.model, core, runs, end, cmsis_nn, samples);
    });
  }
  const std::size_t processors = std::max(1u, std::thread::hardware_concurrency());
  workers_ = start_workers(std::min(processors, models_.size()), [this] { work(); });
}

VerificationTable::~VerificationTable() {
  end_.request_stop();
}

void VerificationTable::work() {
  for (std::size_t i = begun_++; i < tasks_.size(); i = begun_++) tasks_[i]();
}

void VerificationTable::print_next() {
  const std::size_t index = printed_++;
  const deploy::Verification result = tasks_[index].get_future().get();
  if (!headed_) {
    fmt::print("{:<12} {:>10} {:>10} {:>10} {:>7} {:>14} {:>14} {:>6} {:>10}\n", "", "ROM",
               "linked", "arena", "stack", "instructions", "counted", "runs", "differing");
    headed_ = true;
  }
  const auto bytes = [](std::int64_t count) {
    return summary::format_bytes(static_cast<double>(count));
  };
  // Of CMSIS-NN's code there is no model.
  const auto known = [&](const std::string& planned) { return by_cmsis_nn_ ? "-" : planned; };
  const std::vector<std::int64_t>& counts = result.run.instructions;
  fmt::print("{:<12} {:>10} {:>10} {:>10} {:>7} {:>14} {:>14} {:>6} {:>10}\n", models_[index].name,
             known(bytes(result.planned.rom())), bytes(result.linked.rom()),
             bytes(result.linked.statics), bytes(result.run.stack),
             known(std::to_string(result.planned.instructions)),
             std::accumulate(counts.begin(), counts.end(), std::int64_t{0}), result.run.runs,
             result.run.differing);
  for (std::size_t i = 0; steps_ && i < counts.size(); ++i) {
    fmt::print("  {:<28} {:>14}\n", result.steps[i], counts[i]);
  }
  std::fflush(stdout);
  differing_ += result.run.differing;
}

void VerificationTable::finish() const {
  if (differing_ > 0) {
    throw Error(fmt::format("{} output bytes differ from those of the int8 network", differing_));
  }
}

}  // namespace paretiny::cli
