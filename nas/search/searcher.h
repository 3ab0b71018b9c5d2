// A search that is under way. Private to this folder.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/data/resident.h"
#include "nas/jobs/inbox.h"
#include "nas/jobs/memory_budget.h"
#include "nas/jobs/task_thread.h"
#include "nas/search/evaluation/evaluation_store.h"
#include "nas/search/search.h"
#include "nas/search/session.h"
#include "nas/search/trial_progress.h"
#include "nas/search/worker.h"

namespace paretiny::search {

/// What a study of this experiment is of; `data` identifies the samples.
StudySpec search_spec(const experiment::Experiment& experiment, std::string data = {});

/// What rules of stopping look at. All must stay; `data` may come later.
StopRecords::Subject stop_subject(const StudySpec& spec, const experiment::Experiment& experiment,
                                  study::Study& study,
                                  const std::unique_ptr<const data::ResidentDataset>& data);

/// What follows from values without training, worked out once: a sampler asks about the same values
/// more than once.
class Outlines {
 public:
  /// Both must stay.
  Outlines(const experiment::Experiment& experiment, const data::Dataset& dataset)
      : experiment_(experiment), dataset_(dataset) {}

  struct Outline {
    std::uint64_t hash;
    std::vector<double> objectives;  ///< of free_objectives; empty where no network can be built
  };
  const Outline& of(const space::Values& values);

 private:
  const experiment::Experiment& experiment_;
  const data::Dataset& dataset_;
  std::map<std::string, Outline> known_;  ///< by the text of values
};

/// Its own thread has the study, hands candidates to the workers and records what comes of them; a
/// thread of the sampler's finds the next one meanwhile.
class Searcher {
 public:
  Searcher(const experiment::Experiment& experiment, data::Dataset dataset, study::Study& study,
           const SearchSetup& setup, SearchObserver& observer, std::stop_token stop);
  ~Searcher();

  /// As run_search.
  [[nodiscard]] bool run(std::int64_t trials);
  /// As finish_trial.
  [[nodiscard]] bool finish(std::int64_t number);

 private:
  /// A trial that is being worked on.
  struct Running {
    Running(study::Trial taken, Sketch made, const std::stop_token& ends);

    study::Trial trial;
    Sketch plan;
    std::stop_source stop;
    bool dropped = false;  ///< nothing of it is recorded any more
    bool stopped = false;  ///< it is not to be trained on
    std::optional<TrialProgress> progress{};
    std::stop_callback<std::function<void()>> link;
  };

  /// A device with what its workers share.
  struct Site {
    explicit Site(Device where) : device(where) {}

    const Device device;
    std::unique_ptr<const data::ResidentDataset> data;
    std::optional<jobs::MemoryBudget> memory;
  };

  struct Worker {
    Worker(int number, Site& where, std::chrono::milliseconds time)
        : lease{study::process_owner(number), time}, site(where) {}

    const study::Lease lease;
    Site& site;
    std::unique_ptr<Stream> stream;
    std::optional<jobs::MemoryBudget::Share> share;  ///< where there are others
    std::unique_ptr<Running> running;
    jobs::TaskThread thread;
  };

  static std::vector<std::unique_ptr<Site>> sites_of(const std::vector<Device>& devices);
  void start_workers();
  bool is_ours(const study::Trial& trial) const;
  bool any_running() const;

  /// Gives every idle worker a trial, as far as there are any.
  void hand_out(std::int64_t most);
  std::optional<study::Trial> take(const study::Lease& lease, std::int64_t most);
  /// Has the next suggestion found, if there is to be one and what it is to be asked with is known.
  void ask(std::int64_t most);
  void asked(std::int64_t number, const std::optional<Suggestion>& suggestion,
             const std::exception_ptr& failure);
  /// Measures what is free, and has the worker do the rest.
  void begin(Worker& worker, const study::Trial& trial);
  void train(Worker& worker);
  TrialProgress::Plan progress_plan(const Worker& worker, const Running& running);
  /// The watch over a trial at its beginning, with what was known when it was asked for.
  StopWatch watch(const Running& running);

  void epoch_done(Worker& worker, const train::EpochReport& report);
  void ended(Worker& worker, const Trained& trained);
  void stop_early(const Worker& worker, const Running& running);
  void record(const Worker& worker, const Running& running, const CandidateResult& result);
  /// Ends a trial with what was measured, now or by whoever evaluated the same before.
  void conclude_measured(const Worker& worker, const study::Trial& trial, const Sketch& plan,
                         const std::map<std::string, double>& metrics,
                         std::vector<std::uint8_t> model);
  /// What the trial's network is called.
  std::string model_name(const study::Trial& trial) const;

  /// Whether evaluations are shared with other searches.
  bool shares() const;
  EvaluationKey evaluation_key(const Worker& worker, const study::Trial& trial,
                               const Sketch& plan) const;
  /// Ends the trial with what another search has found, where one has.
  [[nodiscard]] bool take_known(const Worker& worker, const study::Trial& trial,
                                const Sketch& plan);
  /// Keeps what was found for the others.
  void share(const Worker& worker, const study::Trial& trial, const Sketch& plan,
             const std::map<std::string, double>& metrics, const std::vector<std::uint8_t>& model);
  /// Ends the trial in the study, and tells the observer what became of it.
  void conclude(const Worker& worker, const study::Trial& trial, study::TrialState end,
                const study::TrialResult& result);
  void fail(const Worker& worker, const study::Trial& trial, const std::string& reason);
  /// The trial is another's: the worker stops.
  void lose(Worker& worker);
  /// The device is gone, and with it all that is being worked on there.
  void fail_all(const Worker& first, const study::Trial& trial, const std::string& reason);
  /// What takes the running trial's checkpoints once the study is gone; empty without a keeper.
  decltype(TrialProgress::Plan::keep_elsewhere) checkpoint_keeper(const Worker& worker,
                                                                  const Running& running);
  /// Has the keeper take how a trial ended.
  void keep_end(const Worker& worker, const study::Trial& trial, study::TrialState end,
                const study::TrialResult& result);
  /// Whether there is nothing left to do: of a worker among others, when nobody has anything.
  bool is_complete(std::int64_t most);
  /// How long to wait for messages before looking around.
  std::chrono::milliseconds wait_time() const;
  /// The study is gone: what there is to keep is kept. Throws what says so.
  [[noreturn]] void leave();
  /// Renews leases of trials that have gone without an epoch for long.
  void keep_leases();
  /// Records by what rule trials are stopped, and says what has to be known of it.
  void announce();
  /// Stops the workers and gives back what they had. Throws what ended the search, if anything did.
  void give_back();

  const experiment::Experiment& experiment_;
  data::Dataset dataset_;
  study::Study& study_;
  const SearchSetup setup_;
  SearchObserver& observer_;
  const std::stop_token stop_;
  std::stop_source ends_;    ///< of this search, for whatever reason
  std::stop_source closed_;  ///< nobody serves the inbox any more
  const StudySpec spec_;
  std::vector<std::unique_ptr<Site>> sites_;
  Outlines outlines_;  ///< of the sampler's thread
  Session session_;
  StopRecords records_;
  jobs::Inbox inbox_;
  std::chrono::steady_clock::time_point renewed_ = std::chrono::steady_clock::now();

  std::map<std::int64_t, std::vector<study::EpochRecord>> untold_;  ///< by trial: see keep_end
  bool asking_ = false;
  std::optional<std::pair<std::int64_t, Suggestion>> suggestion_;  ///< with the trial's number
  std::string exhausted_;       ///< why there is no other candidate
  std::exception_ptr failure_;  ///< that ends the search
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<jobs::TaskThread> sampler_;
};

}  // namespace paretiny::search
