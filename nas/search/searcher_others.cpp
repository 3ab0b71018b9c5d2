// What a search does as a worker among others: it waits for them, and keeps what it has when the
// study's server is gone.
#include <fmt/core.h>

#include <algorithm>

#include "nas/search/evaluation/kept_work.h"
#include "nas/search/searcher.h"

namespace paretiny::search {

bool Searcher::is_complete(std::int64_t most) {
  if (!setup_.among_others) return true;
  const std::vector<study::Trial>& trials = study_.trials();
  if (static_cast<std::int64_t>(trials.size()) < most && exhausted_.empty()) return false;
  return std::ranges::all_of(trials, study::has_ended);
}

std::chrono::milliseconds Searcher::wait_time() const {
  const bool idle =
      std::ranges::any_of(workers_, [](const auto& worker) { return worker->running == nullptr; });
  return setup_.among_others && idle && !asking_ ? std::min(setup_.look, setup_.lease / 4)
                                                 : setup_.lease / 4;
}

decltype(TrialProgress::Plan::keep_elsewhere) Searcher::checkpoint_keeper(const Worker& worker,
                                                                          const Running& running) {
  if (setup_.keeper == nullptr) return {};
  return [this, &worker, &running](std::int64_t epochs, std::span<const std::uint8_t> checkpoint,
                                   const std::vector<study::EpochRecord>& untold) {
    KeptWork work{running.trial.number, worker.lease.owner, untold, epochs, {}, {}};
    work.checkpoint.assign(checkpoint.begin(), checkpoint.end());
    setup_.keeper->keep(work);
    observer_.note(fmt::format("a checkpoint of trial {} is kept here", running.trial.number));
  };
}

void Searcher::keep_end(const Worker& worker, const study::Trial& trial, study::TrialState end,
                        const study::TrialResult& result) {
  if (setup_.keeper == nullptr) return;
  KeptWork work{trial.number, worker.lease.owner, {}, 0, {}, end, result};
  const auto untold = untold_.find(trial.number);
  if (untold != untold_.end()) work.epochs = untold->second;
  setup_.keeper->keep(work);
  observer_.note(fmt::format("the result of trial {} is kept here", trial.number));
}

void Searcher::leave() {
  ends_.request_stop();
  while (any_running()) {
    try {
      inbox_.serve(std::chrono::seconds(1), {});
    } catch (const StoreError&) {
      // The study cannot be told: what there was to keep has been kept.
    }
  }
  std::rethrow_exception(failure_);
}

}  // namespace paretiny::search
