#include "nas/search/searcher.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "engine/deploy/formats/model_file.h"
#include "kernels/core/random.h"
#include "kernels/core/threads.h"
#include "nas/search/limits.h"
#include "nas/search/order.h"

namespace paretiny::search {

using study::Trial;

namespace {

/// A trial whose workers have died twice is worked on alone: should it bring the process down
/// again, it takes no other with it.
bool is_suspect(const Trial& trial) {
  return trial.attempts > 2;
}

}  // namespace

const Outlines::Outline& Outlines::of(const space::Values& values) {
  std::string text;
  for (const auto& [name, value] : values) text += name + "=" + space::to_string(value) + "\n";
  const auto known = known_.find(text);
  if (known != known_.end()) return known->second;
  Outline made;
  try {
    const Sketch plan = sketch(experiment_.candidate(values), dataset_, experiment_.core);
    made = {plan.hash, free_objectives(experiment_, plan.footprint)};
  } catch (const UsageError&) {
    // It cannot be built: found out, and recorded, when its turn comes.
    made = {random_key(0, text), {}};
  }
  return known_.emplace(std::move(text), std::move(made)).first->second;
}

Searcher::Running::Running(Trial taken, Sketch made, const std::stop_token& ends)
    : trial(std::move(taken)),
      plan(std::move(made)),
      link(ends, [source = stop]() mutable { source.request_stop(); }) {}

Searcher::Searcher(const experiment::Experiment& experiment, data::Dataset dataset,
                   study::Study& study, const SearchSetup& setup, SearchObserver& observer,
                   std::stop_token stop)
    : experiment_(experiment),
      dataset_(std::move(dataset)),
      study_(study),
      setup_(setup),
      observer_(observer),
      stop_(std::move(stop)),
      spec_(search_spec(experiment)),
      sites_(sites_of(setup_.devices)),
      outlines_(experiment, dataset_),
      session_(study, experiment.store, spec_, setup.devices.front(),
               {[this](const space::Values& values) { return outlines_.of(values).hash; },
                [this](const space::Values& values) { return outlines_.of(values).objectives; }},
               ends_.get_token()),
      records_(stop_subject(spec_, experiment, study, sites_.front()->data)) {
  start_workers();
}

Searcher::~Searcher() {
  ends_.request_stop();
  closed_.request_stop();
}

std::vector<std::unique_ptr<Searcher::Site>> Searcher::sites_of(
    const std::vector<Device>& devices) {
  std::vector<std::unique_ptr<Site>> sites;
  for (const Device device : devices) sites.push_back(std::make_unique<Site>(device));
  return sites;
}

void Searcher::start_workers() {
  const int jobs = jobs_of(experiment_, setup_.devices);
  // One candidate has all threads; several have one each, so that none waits for another's.
  const int threads = jobs == 1 ? thread_count() : 1;
  for (int i = 0; i < jobs; ++i) {
    Site& site = *sites_[static_cast<std::size_t>(i) % sites_.size()];
    Worker& worker = *workers_.emplace_back(std::make_unique<Worker>(i, site, setup_.lease));
    const auto begin = [&] {
      set_thread_count(threads);
      worker.stream =
          setup_.make_stream ? setup_.make_stream(site.device) : Stream::create(site.device);
      if (!site.data) site.data = std::make_unique<data::ResidentDataset>(*worker.stream, dataset_);
    };
    worker.thread.run(begin).get();
  }
  data::release_values(dataset_);
  sampler_ = std::make_unique<jobs::TaskThread>();
  sampler_->run([all = thread_count()] { set_thread_count(all); }).get();
  if (setup_.budget == nullptr && jobs == 1) return;
  for (const auto& worker : workers_) {
    Site& site = worker->site;
    if (setup_.budget == nullptr && !site.memory) {
      site.memory.emplace(
          setup_.memory.value_or(backend(site.device.kind).available(site.device.index)));
    }
    worker->share.emplace(setup_.budget != nullptr ? *setup_.budget : *site.memory);
  }
}

bool Searcher::run(std::int64_t trials) {
  const std::stop_callback link(stop_, [this] { ends_.request_stop(); });
  announce();
  observer_.search_started(study_.trials());
  try {
    while (!stop_.stop_requested() && !failure_) {
      hand_out(trials);
      ask(trials);
      if (!any_running() && !asking_ && is_complete(trials)) {
        if (!exhausted_.empty()) observer_.space_exhausted(exhausted_);
        return true;
      }
      inbox_.serve(wait_time(), stop_);
      keep_leases();
    }
    give_back();
  } catch (const StoreError&) {
    if (setup_.keeper == nullptr) throw;
    failure_ = std::current_exception();
    leave();
  }
  return false;
}

bool Searcher::any_running() const {
  return std::ranges::any_of(workers_,
                             [](const auto& worker) { return worker->running != nullptr; });
}

void Searcher::hand_out(std::int64_t most) {
  for (const auto& worker : workers_) {
    if (worker->running && is_suspect(worker->running->trial)) return;
  }
  for (const auto& worker : workers_) {
    while (!worker->running) {
      const std::optional<Trial> trial = take(worker->lease, most);
      if (!trial) return;
      begin(*worker, *trial);
      if (is_suspect(*trial)) return;
    }
  }
}

std::optional<Trial> Searcher::take(const study::Lease& lease, std::int64_t most) {
  if (std::optional<Trial> left = study_.claim(lease)) return left;
  if (!suggestion_) return std::nullopt;
  const auto [number, suggestion] = *std::exchange(suggestion_, std::nullopt);
  // Nothing where another process was quicker: what it asked for belongs to what is known next
  // time.
  return number < most ? session_.add(number, suggestion, lease) : std::nullopt;
}

void Searcher::ask(std::int64_t most) {
  if (asking_ || suggestion_ || !exhausted_.empty()) return;
  const std::vector<Trial>& trials = study_.trials();
  if (static_cast<std::int64_t>(trials.size()) >= most) return;
  const bool idle = std::ranges::any_of(workers_, [](const auto& w) { return !w->running; });
  if (experiment_.async && !idle) return;
  const std::int64_t lag =
      experiment_.async ? 1 : lag_of(experiment_, static_cast<int>(workers_.size()));
  std::optional<std::vector<Trial>> known = known_to_next(trials, lag, [&](const Trial& trial) {
    return !experiment_.async && (setup_.among_others || is_ours(trial));
  });
  if (!known) return;
  asking_ = true;
  sampler_->run([this, known = std::move(*known)] {
    std::optional<Suggestion> suggestion;
    std::exception_ptr failure;
    try {
      suggestion = session_.ask(known);
    } catch (...) {
      failure = std::current_exception();
    }
    inbox_.post([this, number = static_cast<std::int64_t>(known.size()), suggestion, failure] {
      asked(number, suggestion, failure);
    });
  });
}

void Searcher::asked(std::int64_t number, const std::optional<Suggestion>& suggestion,
                     const std::exception_ptr& failure) {
  asking_ = false;
  try {
    if (failure) std::rethrow_exception(failure);
    suggestion_ = {number, *suggestion};
  } catch (const samplers::SpaceExhausted& error) {
    exhausted_ = error.what();
  } catch (const Interrupted&) {
    // By the stop request that ends the search.
  } catch (...) {
    failure_ = std::current_exception();
  }
}

bool Searcher::is_ours(const Trial& trial) const {
  return std::ranges::any_of(
      workers_, [&](const auto& worker) { return worker->lease.owner == trial.owner; });
}

void Searcher::begin(Worker& worker, const Trial& trial) {
  std::optional<Sketch> plan;
  try {
    plan = sketch(experiment_.candidate(trial.values), dataset_, experiment_.core);
  } catch (const std::exception& error) {
    return fail(worker, trial, error.what());
  }
  observer_.trial_started(trial, *plan);
  const std::vector<double> values = free_objectives(experiment_, plan->footprint);
  const std::string broken = broken_limit(spec_.objectives, values);
  if (!broken.empty()) {
    return conclude(worker, trial, study::TrialState::infeasible,
                    {values, metrics_of(*plan), broken});
  }
  if (take_known(worker, trial, *plan)) return;
  worker.running = std::make_unique<Running>(trial, std::move(*plan), ends_.get_token());
  Running& running = *worker.running;
  try {
    running.progress.emplace(study_, running.trial, progress_plan(worker, running));
    switch (running.progress->begin()) {
      case TrialProgress::Next::go_on:
        return train(worker);
      case TrialProgress::Next::stop:
        stop_early(worker, running);
        break;
      case TrialProgress::Next::lost:
        observer_.trial_lost(trial);
        break;
    }
  } catch (...) {
    worker.running.reset();  // its thread has not begun
    throw;
  }
  worker.running.reset();
}

void Searcher::train(Worker& worker) {
  worker.thread.run([this, &worker, continuation = worker.running->progress->continuation()] {
    const Running& running = *worker.running;
    const std::stop_token stop = running.stop.get_token();
    const AfterEpoch after = [&](const train::EpochReport& report) {
      // Also on a stop request: the checkpoint that follows has the epoch behind it.
      inbox_.call([&] { epoch_done(worker, report); }, closed_.get_token());
      if (running.stopped) throw StoppedTrial();
    };
    const auto trained = std::make_shared<Trained>(
        train_candidate(*worker.stream, *worker.site.data, running.plan, running.trial.seed,
                        worker.share ? &*worker.share : nullptr, after, stop, continuation));
    inbox_.post([this, &worker, trained] { ended(worker, *trained); });
  });
}

void Searcher::epoch_done(Worker& worker, const train::EpochReport& report) {
  Running& running = *worker.running;
  if (running.dropped) return;
  TrialProgress::Next next{};
  try {
    next = running.progress->epoch_done(report);
  } catch (const StoreError&) {
    untold_[running.trial.number] = running.progress->untold();
    throw;
  }
  if (next == TrialProgress::Next::lost) return lose(worker);
  running.stopped = next == TrialProgress::Next::stop;
  observer_.epoch_done(running.trial, report);
}

void Searcher::lose(Worker& worker) {
  worker.running->dropped = true;
  worker.running->stop.request_stop();
  observer_.trial_lost(worker.running->trial);
}

void Searcher::keep_leases() {
  const auto now = std::chrono::steady_clock::now();
  if (now - renewed_ < setup_.lease / 4) return;
  renewed_ = now;
  for (const auto& worker : workers_) {
    if (!worker->running || worker->running->dropped) continue;
    if (!study_.renew(worker->running->trial.number, worker->lease)) lose(*worker);
  }
}

void Searcher::ended(Worker& worker, const Trained& trained) {
  const std::unique_ptr<Running> running = std::move(worker.running);
  if (running->dropped) return;
  const Trial& trial = running->trial;
  if (!trained.failure) return record(worker, *running, *trained.result);
  try {
    std::rethrow_exception(trained.failure);
  } catch (const Interrupted&) {
    if (!study_.release(trial.number, worker.lease.owner)) observer_.trial_lost(trial);
  } catch (const StoppedTrial&) {
    stop_early(worker, *running);
  } catch (const DeviceLost& error) {
    fail_all(worker, trial, error.what());
  } catch (const DeviceError& error) {
    fail(worker, trial, error.what());
    failure_ = std::current_exception();  // the next candidate would fare no better
  } catch (const std::bad_alloc&) {
    fail(worker, trial, "out of memory");
  } catch (const std::exception& error) {
    fail(worker, trial, error.what());
  }
}

void Searcher::record(const Worker& worker, const Running& running, const CandidateResult& result) {
  const std::map<std::string, double> metrics = metrics_of(running.plan, result);
  std::vector<std::uint8_t> model =
      deploy::to_bytes(deployed_model(model_name(running.trial), result.int8, dataset_));
  share(worker, running.trial, running.plan, metrics, model);
  conclude_measured(worker, running.trial, running.plan, metrics, std::move(model));
}

void Searcher::conclude_measured(const Worker& worker, const Trial& trial, const Sketch& plan,
                                 const std::map<std::string, double>& metrics,
                                 std::vector<std::uint8_t> model) {
  std::vector<double> values = free_objectives(experiment_, plan.footprint);
  values[0] = 1 - metrics.at("accuracy_int8");
  const Verdict end = verdict(study_.header(), values, metrics);
  conclude(worker, trial, end.end, {values, metrics, end.reason, std::move(model)});
}

std::string Searcher::model_name(const Trial& trial) const {
  return fmt::format("{}, trial {}", experiment_.name, trial.number);
}

void Searcher::conclude(const Worker& worker, const Trial& trial, study::TrialState end,
                        const study::TrialResult& result) {
  try {
    if (!study_.conclude(trial.number, worker.lease.owner, end, result)) {
      return observer_.trial_lost(trial);
    }
  } catch (const StoreError&) {
    keep_end(worker, trial, end, result);
    throw;
  }
  const std::vector<Trial>& trials = study_.trials();
  observer_.trial_ended(trials, trials[static_cast<std::size_t>(trial.number)]);
}

void Searcher::fail(const Worker& worker, const Trial& trial, const std::string& reason) {
  conclude(worker, trial, study::TrialState::failed, {{}, {}, reason});
}

void Searcher::fail_all(const Worker& first, const Trial& trial, const std::string& reason) {
  fail(first, trial, reason);
  for (const auto& worker : workers_) {
    if (!worker->running || worker->running->dropped || &worker->site != &first.site) continue;
    worker->running->dropped = true;
    fail(*worker, worker->running->trial, reason);
  }
  failure_ = std::make_exception_ptr(DeviceLost(fmt::format(
      "trial {} failed: {}; the other trials are kept, and the same command goes on with them",
      trial.number, reason)));
}

void Searcher::give_back() {
  ends_.request_stop();
  while (any_running()) inbox_.serve(std::chrono::seconds(1), {});
  if (failure_) std::rethrow_exception(failure_);
}

}  // namespace paretiny::search
