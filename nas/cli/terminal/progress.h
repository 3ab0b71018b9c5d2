// The search's progress, as far as the log level wants it: on a terminal one line that is redrawn,
// with what went wrong above it, plain lines elsewhere.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "nas/cli/terminal/bar.h"
#include "nas/search/search.h"

namespace paretiny::cli {

class Progress : public search::SearchObserver {
 public:
  Progress(std::vector<study::Objective> objectives, std::int64_t trials);
  ~Progress() override;

  void search_started(const std::vector<study::Trial>& trials) override;
  void trial_started(const study::Trial& trial, const search::Sketch& sketch) override;
  void epoch_done(const study::Trial& trial, const train::EpochReport& report) override;
  void trial_ended(const std::vector<study::Trial>& trials, const study::Trial& ended) override;
  void space_exhausted(const std::string& what) override;
  void trial_lost(const study::Trial& trial) override;
  void note(const std::string& what) override;

 private:
  void draw();
  std::string time_left() const;

  const std::vector<study::Objective> objectives_;
  const std::int64_t total_;
  const bool terminal_;
  const BarSigns signs_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::int64_t done_ = 0;        ///< trials that have ended, in all
  std::int64_t ended_here_ = 0;  ///< of them, in this run
  std::string figures_;          ///< hypervolume and best accuracy so far
  struct Activity {
    std::string text, brief;
  };
  std::map<std::int64_t, Activity> activities_;  ///< of the trials that are worked on
  bool drawn_ = false;
};

}  // namespace paretiny::cli
