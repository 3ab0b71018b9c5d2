// Made workers on one study: how fast its store hands out trials, and whether it loses any
// (docs/scale.md). The study must not be there yet.
//
//     study_load LOCATION --workers 32 --trials 1000 --milliseconds 50 [--waiting] [--kills 100]
//     study_load LOCATION --growth 100,1000,10000
//     study_load LOCATION --gpus 1000 --trial-seconds 300 --epochs 20 --for 60
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <mutex>
#include <queue>
#include <thread>

#include "kernels/core/random.h"
#include "nas/study/study.h"

namespace paretiny {
namespace {

using Clock = std::chrono::steady_clock;
using study::Lease;
using study::Location;
using study::Trial;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

void print_times(const char* what, const std::vector<double>& seconds) {
  fmt::print("{:<10} {:>8} times, p50 {:.2f} ms, p99 {:.2f} ms, most {:.2f} ms\n", what,
             seconds.size(), 1e3 * quantile(seconds, 0.5), 1e3 * quantile(seconds, 0.99),
             1e3 * quantile(seconds, 1));
}

study::StudyHeader made_header() {
  study::StudyHeader header;
  header.name = "made";
  header.space = "x real [0, 1]\n";
  header.objectives = {{"loss", "", {}, ""}};
  header.sampler = "random";
  header.version = "0.1.0";
  return header;
}

space::Values made_values(std::int64_t number) {
  return {{"x", Random(1, "made", static_cast<std::uint64_t>(number)).uniform()}};
}

/// The next trial: one that is left, else a new one; nothing where another was quicker, or all are
/// there.
std::optional<Trial> take(study::Study& study, const Lease& lease, std::int64_t total) {
  if (std::optional<Trial> trial = study.claim(lease)) return trial;
  const std::int64_t next = study.trial_count();
  return next < total ? study.add_trial(next, made_values(next), 0, 0, lease) : std::nullopt;
}

struct Load {
  Location place;
  int workers = 8;
  std::int64_t trials = 1000;
  std::int64_t milliseconds = 50;
  std::int64_t kills = 0;
  bool waiting = false;
};

[[noreturn]] void work(const Load& load, int pipe) {
  const auto study = study::create_or_open_study(load.place, made_header());
  const Lease lease{study::process_owner(), std::chrono::minutes(2)};
  Random pauses(1, study::process_owner());
  while (true) {
    const Clock::time_point start = Clock::now();
    const std::optional<Trial> trial = take(*study, lease, load.trials);
    const double seconds = seconds_since(start);
    if (!trial) {
      if (study->trial_count() >= load.trials &&
          std::ranges::all_of(study->trials(), study::has_ended)) {
        ::_exit(0);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(pauses.below(20)));
      continue;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(load.milliseconds));
    if (study->finish(trial->number, lease.owner, {{0.5}, {}, ""})) {
      (void)!::write(pipe, &seconds, sizeof seconds);
    }
  }
}

void add_waiting(study::Study& study, std::int64_t from, std::int64_t to) {
  const Lease lease{study::process_owner(), std::chrono::minutes(2)};
  for (std::int64_t number = from; number < to; ++number) {
    (void)study.add_trial(number, made_values(number), 0, 0, lease);
    (void)study.release(number, lease.owner);
  }
}

/// Kills workers one after another, and waits until others have what they were at.
std::vector<double> kill_some(const Load& load, std::vector<pid_t>& workers, int pipe,
                              study::Study& study) {
  std::vector<double> recovery;
  Random random(1, "kill");
  for (std::int64_t i = 0; i < load.kills; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(random.below(40)));
    pid_t& worker = workers[random.below(workers.size())];
    const std::string pid = fmt::format("/{}/", worker);
    ::kill(worker, SIGKILL);
    ::waitpid(worker, nullptr, 0);
    const Clock::time_point start = Clock::now();
    worker = ::fork();
    if (worker == 0) work(load, pipe);
    const auto holds = [&](const study::Holder& holder) {
      return holder.owner.find(pid) != std::string::npos;
    };
    bool held = false;
    while (std::ranges::any_of(study.holders(), holds)) held = true;
    if (held) recovery.push_back(seconds_since(start));
  }
  return recovery;
}

void run_load(const Load& load) {
  const auto study = study::create_or_open_study(load.place, made_header());
  if (load.waiting) add_waiting(*study, 0, load.trials);
  int ends[2];
  if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
  std::vector<double> claims;
  std::thread reader([&] {
    double seconds = 0;
    while (::read(ends[0], &seconds, sizeof seconds) == sizeof seconds) claims.push_back(seconds);
  });
  const Clock::time_point start = Clock::now();
  std::vector<pid_t> workers;
  for (int i = 0; i < load.workers; ++i) {
    const pid_t child = ::fork();
    if (child == 0) work(load, ends[1]);
    workers.push_back(child);
  }
  const std::vector<double> recovery = kill_some(load, workers, ends[1], *study);
  for (const pid_t worker : workers) ::waitpid(worker, nullptr, 0);
  const double seconds = seconds_since(start);
  ::close(ends[1]);
  reader.join();
  const std::vector<Trial>& trials = study->trials();
  const auto done = std::ranges::count(trials, study::TrialState::done, &Trial::state);
  fmt::print("{} workers, {} trials of {} ms: {} done, {} told, {:.1f} s, {:.1f} trials a second\n",
             load.workers, trials.size(), load.milliseconds, done, claims.size(), seconds,
             static_cast<double>(trials.size()) / seconds);
  print_times("claim", claims);
  if (load.kills > 0) print_times("recovery", recovery);
}

/// What a claim takes with more and more trials that have ended.
void run_growth(const Location& place, const std::vector<std::int64_t>& sizes) {
  constexpr std::int64_t kClaims = 200;
  const auto study = study::create_or_open_study(place, made_header());
  const Lease lease{study::process_owner(), std::chrono::minutes(2)};
  for (const std::int64_t size : sizes) {
    for (std::int64_t number = study->trial_count(); number < size; ++number) {
      (void)study->add_trial(number, made_values(number), 0, 0, lease);
      (void)study->finish(number, lease.owner, {{0.5}, {}, ""});
    }
    add_waiting(*study, size, size + kClaims);
    std::vector<double> claims;
    for (std::int64_t i = 0; i < kClaims; ++i) {
      const Clock::time_point start = Clock::now();
      const std::optional<Trial> trial = study->claim(lease);
      claims.push_back(seconds_since(start));
      (void)study->finish(trial->number, lease.owner, {{0.5}, {}, ""});
    }
    print_times(fmt::format("at {}", size).c_str(), claims);
  }
}

struct Fleet {
  Location place;
  int gpus = 1000;
  double trial_seconds = 300;
  int epochs = 20;
  double seconds = 60;
};

/// What one GPU's worker does next, and when.
struct Turn {
  double at = 0;
  Lease lease{};
  std::optional<Trial> trial{};
  int epoch = 0;
  double renewed = 0;
};

/// The workers of many GPUs, a hundred connections for all: what they say to the store, when they
/// would say it, with the trainings left out.
void run_fleet(const Fleet& fleet) {
  constexpr int kConnections = 100;
  constexpr double kRenew = 30;
  study::create_or_open_study(fleet.place, made_header());
  std::mutex mutex;
  std::vector<double> claims, others, late;
  const Clock::time_point start = Clock::now();
  const auto serve = [&](int connection) {
    const auto study = study::create_or_open_study(fleet.place, made_header());
    const auto later = [](const Turn& a, const Turn& b) { return a.at > b.at; };
    std::priority_queue<Turn, std::vector<Turn>, decltype(later)> turns(later);
    Random random(1, "fleet", static_cast<std::uint64_t>(connection));
    for (int i = connection; i < fleet.gpus; i += kConnections) {
      turns.push({random.uniform() * fleet.trial_seconds / fleet.epochs,
                  {study::process_owner(i), std::chrono::minutes(2)}});
    }
    std::vector<double> own_claims, own_others, own_late;
    while (!turns.empty() && turns.top().at < fleet.seconds) {
      Turn turn = turns.top();
      turns.pop();
      std::this_thread::sleep_until(start + std::chrono::duration<double>(turn.at));
      const Clock::time_point began = Clock::now();
      own_late.push_back(seconds_since(start) - turn.at);
      const double epoch_seconds = fleet.trial_seconds / fleet.epochs;
      if (!turn.trial) {
        turn.trial = take(*study, turn.lease, INT64_MAX);
        // A part of them is in the middle of its trial when the clock starts.
        turn.epoch = turn.at < epoch_seconds
                         ? static_cast<int>(random.below(static_cast<std::uint64_t>(fleet.epochs)))
                         : 0;
        own_claims.push_back(seconds_since(began));
        turn.at += turn.trial ? epoch_seconds : 0.1;
      } else if (++turn.epoch < fleet.epochs) {
        (void)study->add_epoch(turn.trial->number, turn.lease.owner, {turn.epoch, 1, 0.5, 0});
        (void)study->renew(turn.trial->number, turn.lease);
        own_others.push_back(seconds_since(began));
        turn.at += std::min(epoch_seconds, kRenew);
      } else {
        const std::vector<std::uint8_t> model(100000, 7);
        (void)study->finish(turn.trial->number, turn.lease.owner, {{0.5}, {}, "", model});
        own_others.push_back(seconds_since(began));
        turn.trial.reset();
      }
      turns.push(std::move(turn));
    }
    const std::lock_guard lock(mutex);
    claims.insert(claims.end(), own_claims.begin(), own_claims.end());
    others.insert(others.end(), own_others.begin(), own_others.end());
    late.insert(late.end(), own_late.begin(), own_late.end());
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kConnections; ++i) threads.emplace_back(serve, i);
  }
  fmt::print("{} GPUs, trials of {} s, {} epochs, {} s\n", fleet.gpus, fleet.trial_seconds,
             fleet.epochs, fleet.seconds);
  print_times("claim", claims);
  print_times("other", others);
  print_times("late by", late);
}

}  // namespace
}  // namespace paretiny

int main(int argc, char** argv) {
  using namespace paretiny;
  CLI::App app{"Made workers on one study."};
  std::string place;
  Load load;
  Fleet fleet;
  fleet.gpus = 0;
  std::vector<std::int64_t> growth;
  app.add_option("location", place, "a study that is not there yet")->required();
  app.add_option("--workers", load.workers);
  app.add_option("--trials", load.trials);
  app.add_option("--milliseconds", load.milliseconds);
  app.add_option("--kills", load.kills);
  app.add_flag("--waiting", load.waiting, "all trials are there from the beginning");
  app.add_option("--growth", growth)->delimiter(',');
  app.add_option("--gpus", fleet.gpus);
  app.add_option("--trial-seconds", fleet.trial_seconds);
  app.add_option("--epochs", fleet.epochs);
  app.add_option("--for", fleet.seconds);
  CLI11_PARSE(app, argc, argv);
  load.place = fleet.place = place;
  if (!growth.empty()) {
    run_growth(place, growth);
  } else if (fleet.gpus > 0) {
    run_fleet(fleet);
  } else {
    run_load(load);
  }
}
