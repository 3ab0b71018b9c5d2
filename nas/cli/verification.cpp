#include "nas/cli/verification.h"

#include <fmt/format.h>

#include <cstdio>
#include <numeric>

#include "engine/deploy/export.h"
#include "kernels/error.h"
#include "nas/report/format.h"

namespace paretiny {

VerificationTable::VerificationTable(const Core& core, std::int64_t runs, bool steps,
                                     std::stop_token stop)
    : core_(core), runs_(runs), steps_(steps), stop_(std::move(stop)) {}

void VerificationTable::add(const NamedModel& named) {
  const Verification result = verify(named.model, core_, runs_, stop_);
  if (!headed_) {
    fmt::print("{:<12} {:>10} {:>10} {:>10} {:>7} {:>14} {:>14} {:>6} {:>10}\n", "", "ROM",
               "linked", "arena", "stack", "instructions", "counted", "runs", "differing");
    headed_ = true;
  }
  const auto bytes = [](std::int64_t count) { return format_bytes(static_cast<double>(count)); };
  const std::vector<std::int64_t>& counts = result.run.instructions;
  fmt::print("{:<12} {:>10} {:>10} {:>10} {:>7} {:>14} {:>14} {:>6} {:>10}\n", named.name,
             bytes(result.planned.rom()), bytes(result.linked.rom()), bytes(result.linked.statics),
             bytes(result.run.stack), result.planned.instructions,
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

}  // namespace paretiny
