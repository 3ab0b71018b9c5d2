#include "nas/search/trial_progress.h"

#include <fmt/core.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/version.h"

namespace paretiny::search {

stopping::CurvePoint curve_point(const study::EpochRecord& record, std::int64_t epochs,
                                 bool validated) {
  const double error = validated ? 1 - record.accuracy : std::numeric_limits<double>::quiet_NaN();
  return {static_cast<double>(record.epoch) / static_cast<double>(epochs),
          {error},
          {record.loss, record.sparsity}};
}

TrialProgress::TrialProgress(study::Study& study, const study::Trial& trial, Plan plan)
    : study_(study), trial_(trial), plan_(std::move(plan)), watch_(plan_.watch()) {}

TrialProgress::Next TrialProgress::begin() {
  for (const study::EpochRecord& record : study_.epochs(trial_.number)) {
    watch_.add(curve_point(record, plan_.epochs, plan_.validated));
    ++epochs_;
  }
  return decide();
}

TrialProgress::Next TrialProgress::decide() {
  if (plan_.decides && !study_.decide(trial_.number, plan_.lease.owner, watch_.verdict())) {
    return Next::lost;
  }
  return watch_.verdict().choice == stopping::StopChoice::stop ? Next::stop : Next::go_on;
}

TrialProgress::Next TrialProgress::epoch_done(const train::EpochReport& report) {
  const double accuracy =
      std::isnan(report.validation_accuracy) ? report.train_accuracy : report.validation_accuracy;
  const study::EpochRecord record{static_cast<int>(report.epoch), report.loss, accuracy,
                                  report.sparsity};
  untold_ = {record};
  if (!study_.add_epoch(trial_.number, plan_.lease.owner, record) ||
      !study_.renew(trial_.number, plan_.lease)) {
    return Next::lost;
  }
  untold_.clear();
  epochs_ = report.epoch;
  const double decided_at = watch_.verdict().fraction;
  watch_.add(curve_point(record, plan_.epochs, plan_.validated));
  return watch_.verdict().fraction == decided_at ? Next::go_on : decide();
}

void TrialProgress::refuse(const std::string& why) {
  // Whether the trial is still held shows at its next epoch.
  if (!study_.begin_anew(trial_.number, plan_.lease.owner)) return;
  watch_ = plan_.watch();
  epochs_ = 0;
  decide();
  plan_.note(fmt::format("trial {} begins anew: {}", trial_.number, why));
}

void TrialProgress::keep(std::span<const std::uint8_t> checkpoint) {
  try {
    // Whether the trial is still held shows at its next epoch, or when it is given back.
    (void)study_.keep_checkpoint(trial_.number, plan_.lease.owner, epochs_, checkpoint);
  } catch (const StoreError& error) {
    if (plan_.keep_elsewhere) {
      const auto untold = static_cast<std::int64_t>(untold_.size());
      plan_.keep_elsewhere(epochs_ + untold, checkpoint, untold_);
    } else {
      plan_.note(
          fmt::format("trial {} goes on without a checkpoint: {}", trial_.number, error.what()));
    }
  }
  kept_ = std::chrono::steady_clock::now();
}

train::Continuation TrialProgress::continuation() {
  train::Continuation continuation;
  continuation.from = study_.checkpoint(trial_.number);
  if (!continuation.from.empty()) {
    try {
      if (train::checkpoint_from_bytes(continuation.from).epoch != epochs_) {
        throw DataError("going on with a training: the study has other epochs than the checkpoint");
      }
    } catch (const DataError& error) {
      refuse(error.what());
      continuation.from.clear();
    }
  }
  continuation.refused = [this](const std::string& why) { plan_.at_study([&] { refuse(why); }); };
  continuation.context["program"] = program_commit();
  continuation.wanted = [this](std::int64_t) {
    return std::chrono::steady_clock::now() - kept_ >= plan_.between_checkpoints;
  };
  continuation.keep = [this](const std::vector<std::uint8_t>& bytes) {
    plan_.at_study([&] { keep(bytes); });
  };
  return continuation;
}

}  // namespace paretiny::search
