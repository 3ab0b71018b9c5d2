// A study: every trial of one search, in a store that outlives every process. Each change is one
// transaction, so whatever was reported is kept through kill -9, a full disk or a lost machine.
//
// A trial's way: add_trial -> waiting -> claim -> running -> done | infeasible | failed |
// abandoned | stopped, and from stopped by `reopen` to running again. A claim is a lease: it holds
// until it expires or its owner's process is gone; then another worker may claim the trial, and the
// result of the first is refused.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nas/space/space.h"
#include "nas/stopping/verdict.h"
#include "nas/study/location.h"
#include "nas/study/patience.h"

namespace paretiny::study {

/// What an objective's numbers are.
enum class Measure {
  number,  ///< of a black box: any
  share,   ///< a search's error: between 0 and 1, shown in percent
  size     ///< a search's ROM, RAM, FLOPs, instructions: at least 0
};

/// A column, minimised unless it says otherwise: of a search "error" (1 - accuracy of the int8
/// network), "rom", "ram", "flops", "instructions"; of a black box what its file names.
struct Objective {
  std::string name;
  std::string unit;                   ///< "" for a fraction or a count, "B" for bytes
  std::optional<double> limit;        ///< from [constraints]; a candidate above it is infeasible
  std::string limit_text;             ///< the limit as the experiment writes it, such as "256 KB"
  std::optional<double> reference{};  ///< of the hypervolume, where it is not the limit
  Measure measure = Measure::number;
  bool maximize = false;  ///< of a black box; limit and reference are then the least
  bool known = false;     ///< of a black box: follows from the values, without a trial

  friend bool operator==(const Objective&, const Objective&) = default;
};

/// A value of the objective, its limit or reference as a number to minimise; and back.
inline double minimised(const Objective& objective, double value) {
  return objective.maximize ? -value : value;
}
/// The same of a whole trial: [objectives].
std::vector<double> minimised(const std::vector<Objective>& objectives, std::vector<double> values);

/// A metric that a black box has to keep in bounds: measured with the objectives, under this name.
struct Constraint {
  std::string name;
  std::string unit;
  std::optional<double> at_least;
  std::optional<double> at_most;

  friend bool operator==(const Constraint&, const Constraint&) = default;
};

/// Who works on a study: a search, or whoever measures a black box and tells what came of it.
enum class StudyKind { search, black_box };

/// "search", "black box"
std::string_view to_string(StudyKind kind);

/// What a study was made for.
struct StudyHeader {
  StudyKind kind = StudyKind::search;
  std::string name;
  std::string space;  ///< Space::describe()
  std::vector<Objective> objectives;
  std::vector<Constraint> constraints{};  ///< of a black box; a trial that breaks one is infeasible
  std::string task;  ///< canonical text of data set, model and training: all a result depends on
  std::string data;  ///< what identifies the samples of a search (engine/data/fingerprint.h)
  std::uint64_t seed = 0;
  std::string sampler;
  std::string experiment;  ///< the experiment's TOML text
  std::string version;     ///< of the program, such as "0.1.0"
  std::string commit;
  std::string device;
  std::string created;  ///< ISO 8601, UTC; filled in when the study is created
};

/// Whether a study may be called `name`.
bool is_study_name(const std::string& name);

enum class TrialState {
  waiting,
  running,
  done,
  infeasible,
  failed,
  abandoned,
  stopped,  ///< before its end, because it could not matter (docs/stopping.md)
};
inline constexpr std::size_t kTrialStates = 7;

/// "waiting", "running", ...
std::string_view to_string(TrialState state);

struct Trial {
  std::int64_t number = 0;  ///< from 0, without gaps
  TrialState state = TrialState::waiting;
  space::Values values;
  std::vector<double> objectives;         ///< [header.objectives], NaN where unknown
  std::map<std::string, double> metrics;  ///< accuracies, parameters, MACs, seconds, bytes, ...
  std::string reason;                     ///< why it is infeasible, failed or abandoned
  std::uint64_t architecture = 0;         ///< hash of the network the values stand for
  std::uint64_t seed = 0;
  int attempts = 0;              ///< claims so far
  std::string owner;             ///< holder, or last holder
  std::int64_t lease_until = 0;  ///< Unix time in ms while running, else 0
  std::string started;           ///< ISO 8601, UTC, of the last claim
  std::string finished;          ///< ISO 8601, UTC
  /// What was last decided on it; none where trials are not stopped. A stopped trial has one.
  std::optional<stopping::StopVerdict> verdict{};
};

/// Neither waiting nor running.
bool has_ended(const Trial& trial);

/// Who may work on a trial, and for how long from now.
struct Lease {
  std::string owner;
  std::chrono::milliseconds time{};
};

/// Who works on a running trial.
struct Holder {
  std::int64_t trial = 0;
  std::string owner;
  std::string started;                              ///< ISO 8601, UTC
  std::chrono::milliseconds lease_left{};           ///< below 0: anybody may take the trial
  std::optional<std::chrono::milliseconds> seen{};  ///< since the last sign of life, where known
};

/// How a trial ended.
struct TrialResult {
  std::vector<double> objectives;  ///< [header.objectives], or empty: none is known
  std::map<std::string, double> metrics;
  std::string reason;
  std::vector<std::uint8_t>
      model{};  ///< the int8 network, as engine/deploy/formats/model_file.h writes it
  std::optional<stopping::StopVerdict>
      verdict{};  ///< in place of the trial's; a stopped one needs one
};

/// One epoch of a trial's training.
struct EpochRecord {
  int epoch = 0;  ///< from 1
  double loss = 0;
  double accuracy = 0;  ///< on the validation split, 0 to 1
  double sparsity = 0;  ///< fraction of filters removed so far
};

/// What was measured of a black box's trial after one of its steps.
struct StepRecord {
  std::int64_t step = 0;           ///< from 1
  std::vector<double> objectives;  ///< [header.objectives], NaN where not measured
};

/// What a run of a search, or whoever asks, was told that a study's results do not depend on by
/// themselves, such as the rule that stops trials: it may change from run to run.
struct RunRecord {
  std::string started;  ///< ISO 8601, UTC
  std::map<std::string, std::string> settings;
};

/// The store of a study. An object belongs to one thread; several objects, also of several
/// processes, may share a store. Everything throws StoreError when the store cannot be read or
/// written. Changes that name an owner return false, and change nothing, when that owner does not
/// hold the trial any more: it must stop working on it.
class Study {
 public:
  /// A trial whose workers died this often is failed instead of being tried again.
  static constexpr int kMaxAttempts = 5;

  virtual ~Study() = default;

  virtual const StudyHeader& header() const = 0;
  /// The same of two objects whose store is one, whatever the addresses they were opened by.
  virtual std::string identity() = 0;
  /// All trials as they are now, by number; stays until the next call. Only what has changed since
  /// the call before is read.
  virtual const std::vector<Trial>& trials() = 0;
  virtual std::int64_t trial_count() = 0;
  /// The history of a trial's last attempt, by epoch.
  virtual std::vector<EpochRecord> epochs(std::int64_t number) = 0;
  /// What was told of a black box's trial before its end, by step.
  virtual std::vector<StepRecord> steps(std::int64_t number) = 0;
  /// The model that a trial ended with; empty when it has none.
  virtual std::vector<std::uint8_t> model(std::int64_t number) = 0;
  /// The last checkpoint of a trial that has not ended; empty when there is none. It may be
  /// damaged: whoever made its bytes can tell.
  virtual std::vector<std::uint8_t> checkpoint(std::int64_t number) = 0;
  /// How many epochs that checkpoint has behind it; 0 without one.
  virtual std::int64_t checkpoint_epochs(std::int64_t number) = 0;
  /// What is known of those who hold the running trials, by number.
  virtual std::vector<Holder> holders() = 0;
  /// Runs `reading`, in which everything is read as of one moment, whatever others write meanwhile.
  virtual void at_one_moment(const std::function<void()>& reading) = 0;
  /// Those whose settings differed from the run before, by time.
  virtual std::vector<RunRecord> runs() = 0;

  /// Adds trial `number`, which must be trial_count(), held by the lease's owner from the start.
  /// Nothing when another worker has added it since: ask again with what is known now. Throws
  /// UsageError for a gap or a value not finite.
  [[nodiscard]] virtual std::optional<Trial> add_trial(std::int64_t number,
                                                       const space::Values& values,
                                                       std::uint64_t architecture,
                                                       std::uint64_t seed, const Lease& lease) = 0;

  /// Takes the first trial that is waiting, or running with its lease expired or its owner gone;
  /// forgets the verdict and the epochs of an earlier attempt, but for those that a checkpoint has
  /// behind it.
  [[nodiscard]] virtual std::optional<Trial> claim(const Lease& lease) = 0;
  /// Makes the owner's lease end after its time from now.
  [[nodiscard]] virtual bool renew(std::int64_t number, const Lease& lease) = 0;
  /// Gives a trial back, to be claimed again; the attempt does not count.
  [[nodiscard]] virtual bool release(std::int64_t number, const std::string& owner) = 0;
  [[nodiscard]] virtual bool add_epoch(std::int64_t number, const std::string& owner,
                                       const EpochRecord& record) = 0;
  [[nodiscard]] virtual bool add_step(std::int64_t number, const std::string& owner,
                                      const StepRecord& record) = 0;
  /// Keeps what was decided on a running trial.
  [[nodiscard]] virtual bool decide(std::int64_t number, const std::string& owner,
                                    const stopping::StopVerdict& verdict) = 0;
  /// Keeps a checkpoint, made after `epochs` epochs, in the place of an earlier one, until the
  /// trial ends.
  [[nodiscard]] virtual bool keep_checkpoint(std::int64_t number, const std::string& owner,
                                             std::int64_t epochs,
                                             std::span<const std::uint8_t> checkpoint) = 0;
  /// Forgets checkpoint and epochs of a running trial, whose checkpoint is of no use.
  [[nodiscard]] virtual bool begin_anew(std::int64_t number, const std::string& owner) = 0;
  /// Takes a stopped trial, to run it to its end: its verdict becomes StopReason::wanted. Takes a
  /// waiting one that was taken so before, too. Throws UsageError, saying what it is, for any
  /// other.
  [[nodiscard]] virtual Trial reopen(std::int64_t number, const Lease& lease) = 0;
  /// Records a run, unless the last one had the same settings; whether it did not.
  virtual bool add_run(const std::map<std::string, std::string>& settings) = 0;
  /// Ends a trial, once. Throws UsageError for a state that is no end, a count of objectives that
  /// is not the study's, a done trial with an objective that is not finite, or a stopped one
  /// without a verdict.
  [[nodiscard]] virtual bool conclude(std::int64_t number, const std::string& owner, TrialState end,
                                      const TrialResult& result) = 0;

  [[nodiscard]] bool finish(std::int64_t number, const std::string& owner,
                            const TrialResult& result) {
    return conclude(number, owner, TrialState::done, result);
  }
  [[nodiscard]] bool infeasible(std::int64_t number, const std::string& owner,
                                const TrialResult& result) {
    return conclude(number, owner, TrialState::infeasible, result);
  }
  [[nodiscard]] bool fail(std::int64_t number, const std::string& owner,
                          const std::string& reason) {
    return conclude(number, owner, TrialState::failed, {{}, {}, reason});
  }
  [[nodiscard]] bool abandon(std::int64_t number, const std::string& owner,
                             const std::string& reason) {
    return conclude(number, owner, TrialState::abandoned, {{}, {}, reason});
  }
};

/// Opens the study at `location`, or creates it (a file with its folders, a database's tables) for
/// `header`. What a creation that was cut short has left is no study yet, and is finished. Throws
/// StoreError, saying what differs, for a study of another kind, space, objectives, task, data,
/// seed or sampler, of another schema or of a newer program; for a file that is no study, is
/// damaged or locked; for a place that cannot be written; and for a server that does not let us in.
std::unique_ptr<Study> create_or_open_study(const Location& location, const StudyHeader& header,
                                            const Patience& patience = {});

/// Opens the study at `location` to go on with it, for one that knows by its header what it is for.
/// Null where there is none yet. Throws StoreError as create_or_open_study does.
std::unique_ptr<Study> find_study(const Location& location, const Patience& patience = {});

/// Opens the study at `location` to read it, also while others write; nothing recorded is changed.
/// Throws StoreError where there is none yet.
std::unique_ptr<Study> open_study(const Location& location, const Patience& patience = {});

/// Names this process as an owner: host, process namespace, process id and its start. `worker`
/// tells workers of one process apart.
std::string process_owner(int worker = 0);

/// The time now in ms, as leases are kept.
std::int64_t unix_ms();

/// The time now as ISO 8601 UTC with milliseconds: "2026-01-31T12:00:00.000Z".
std::string utc_now();

/// Seconds from `start` to `end`, both as utc_now writes them; NaN when either is not.
double seconds_between(const std::string& start, const std::string& end);

}  // namespace paretiny::study
