// A search's trial under way: its epochs, what is decided on them, and its checkpoints go to the
// study.
#pragma once

#include <chrono>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "engine/train/trainer.h"
#include "nas/search/stop_watch.h"
#include "nas/study/study.h"

namespace paretiny::search {

/// The point of a curve that an epoch is, of `epochs` that its training has. Without a validation
/// split the accuracy tells nothing of the error: it is the training's.
stopping::CurvePoint curve_point(const study::EpochRecord& record, std::int64_t epochs,
                                 bool validated);

class TrialProgress {
 public:
  struct Plan {
    study::Lease lease;
    std::int64_t epochs = 0;  ///< of the training
    bool validated = true;    ///< there is a validation split
    bool decides = false;     ///< a rule of stopping is on
    /// The watch over the trial at its beginning.
    std::function<StopWatch()> watch;
    std::chrono::duration<double> between_checkpoints{};
    /// Told in a sentence what becomes of a checkpoint that cannot be kept or gone on from.
    std::function<void(const std::string&)> note;
    /// Takes a checkpoint that the study cannot be given, with the epochs that it has not. May be
    /// empty.
    std::function<void(std::int64_t epochs, std::span<const std::uint8_t> checkpoint,
                       const std::vector<study::EpochRecord>& untold)>
        keep_elsewhere{};
    /// Runs what the training's thread has to do with the study where the study may be used, and
    /// waits for it.
    std::function<void(const std::function<void()>&)> at_study;
  };
  enum class Next { go_on, stop, lost };

  /// Of `trial`, held with the plan's lease. `study` and `trial` must stay.
  TrialProgress(study::Study& study, const study::Trial& trial, Plan plan);

  /// Goes on with the epochs that the study has of the trial.
  [[nodiscard]] Next begin();
  /// How the training goes on from the study's checkpoint, and leaves others. After `begin`.
  train::Continuation continuation();
  /// Keeps an epoch and what is decided on it.
  [[nodiscard]] Next epoch_done(const train::EpochReport& report);

  const StopWatch& watch() const { return watch_; }
  std::int64_t epochs() const { return epochs_; }  ///< that are done
  /// The epoch that the study could not be told.
  const std::vector<study::EpochRecord>& untold() const { return untold_; }

 private:
  Next decide();
  void refuse(const std::string& why);
  void keep(std::span<const std::uint8_t> checkpoint);

  study::Study& study_;
  const study::Trial& trial_;
  const Plan plan_;
  StopWatch watch_;
  std::int64_t epochs_ = 0;
  std::vector<study::EpochRecord> untold_;
  std::chrono::steady_clock::time_point kept_ = std::chrono::steady_clock::now();
};

}  // namespace paretiny::search
