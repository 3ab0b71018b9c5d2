#include "engine/train/trainer.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>

#include "base/phase.h"
#include "engine/compress/prune.h"
#include "engine/compress/pruning_plan.h"
#include "engine/train/candidate_plans.h"
#include "engine/train/ranking.h"
#include "engine/train/training_loop.h"
#include "kernels/core/stop.h"

namespace paretiny::train {

using graph::Graph;

namespace {

/// Batches that gradients and activations are averaged over to rank channels: one is too noisy.
constexpr std::int64_t kRankingBatches = 4;

/// Everything a candidate needs on the device while it is trained.
class Trainer {
 public:
  /// Plans, and takes no memory of the candidate's yet.
  Trainer(Stream& stream, const data::ResidentDataset& data, const Graph& graph,
          const TrainingSpec& training, const compress::PruningSpec& pruning, std::uint64_t seed,
          bool validates)
      : stream_(stream),
        training_(training),
        pruning_(graph, pruning, training.epochs),
        seed_(seed),
        loop_(stream, data, training, seed),
        plans_(stream, data, training_, pruning_, validates),
        validation_(stream, data, data.validation),
        now_(plans_.padded(graph)),
        sizes_(plans_.sizes(now_, loop_.moments())),
        scratch_(plans_.scratch_bytes(now_)) {}

  /// Throws OutOfMemory.
  void take_memory() {
    check_candidate(stream_, sizes_, scratch_);
    memory_ = CandidateMemory(stream_.device(), sizes_);
  }

  /// Beside the data.
  std::size_t planned_bytes() const {
    return loop_.bytes() + validation_.bytes() + candidate_bytes(sizes_, scratch_);
  }
  std::int64_t epoch() const { return epoch_; }  ///< that goes on, or is next

  void begin() {
    const Graph& graph = now_.plain();
    upload(memory_.parameters(),
           graph::initial_parameters(graph, graph::ParameterLayout(graph), seed_),
           Array::parameters);
    loop_.clear_moments(memory_, now_.layout());
    compile();
  }

  /// Goes on from there. Throws DataError, with nothing changed, for numbers that this training
  /// cannot have had.
  void resume(const TrainingCheckpoint& from) {
    const bool in_epoch = from.epoch >= 0 && from.epoch < training_.epochs && from.steps >= 0 &&
                          from.steps <= loop_.steps();
    const bool at_end = from.epoch == training_.epochs && from.steps == 0;
    const std::optional<Graph> stage = pruning_.stage(from.channels);
    const graph::ParameterLayout layout(stage.value_or(now_.plain()));
    const auto fits = [](const std::vector<float>& array, std::int64_t count) {
      return static_cast<std::int64_t>(array.size()) == count;
    };
    if (!(in_epoch || at_end) || !stage || !fits(from.parameters, layout.total()) ||
        !fits(from.first_moment, layout.trainable_end()) ||
        !fits(from.second_moment, loop_.moments() > 1 ? layout.trainable_end() : 0)) {
      throw DataError("going on with a training: the checkpoint does not fit the network");
    }
    now_ = plans_.padded(*stage);
    epoch_ = from.epoch;
    progress_ = {from.steps, from.loss, from.hits};
    upload(memory_.parameters(), from.parameters, Array::parameters);
    upload(memory_.first_moment(), from.first_moment, Array::state);
    if (loop_.moments() > 1) upload(memory_.second_moment(), from.second_moment, Array::state);
    compile();
  }

  TrainingCheckpoint checkpoint(const TrainingIdentity& identity) {
    TrainingCheckpoint state{identity, epoch_, progress_.steps, progress_.loss, progress_.hits};
    state.channels = compress::group_channels(now_.plain());
    state.parameters = download(memory_.parameters(), Array::parameters);
    state.first_moment = download(memory_.first_moment(), Array::state);
    if (loop_.moments() > 1) {
      state.second_moment = download(memory_.second_moment(), Array::state);
    }
    return state;
  }

  /// Runs an epoch to its end. Interrupted, it can be gone on with.
  EpochReport run(const std::stop_token& stop) {
    prune(epoch_, stop);
    EpochTotals totals;
    try {
      const Phase phase("epoch");
      totals = loop_.epoch(epoch_, stop, progress_);
    } catch (const Interrupted&) {
      progress_ = loop_.progress();
      throw;
    }
    progress_ = loop_.progress();  // also if the evaluation is interrupted: it is made good
    EpochReport report;
    report.epoch = epoch_ + 1;
    report.epochs = training_.epochs;
    report.loss = totals.loss;
    report.train_accuracy = totals.accuracy;
    report.validation_accuracy = std::numeric_limits<double>::quiet_NaN();
    report.learning_rate = totals.learning_rate;
    report.sparsity = pruning_.sparsity(now_.plain());
    report.seconds = totals.seconds;
    report.samples_per_second = totals.samples / totals.seconds;
    if (evaluator_) {
      const Phase phase("evaluate");
      report.validation_accuracy = evaluator_->run(stream_, stop).accuracy;
    }
    ++epoch_;
    progress_ = {};
    return report;
  }

  graph::Network network() {
    return {now_.plain(), download(memory_.parameters(), Array::parameters)};
  }

 private:
  static std::size_t bytes_of(std::int64_t floats) {
    return static_cast<std::size_t>(floats) * sizeof(float);
  }
  using Array = compress::PaddedNetwork::Array;
  void upload(float* to, const std::vector<float>& values, Array array) {
    const std::vector<float> padded = now_.padded(values, array);
    stream_.upload(to, padded.data(), padded.size() * sizeof(float));
  }
  std::vector<float> download(const float* from, Array array) {
    const graph::ParameterLayout& layout = now_.layout();
    std::vector<float> values(static_cast<std::size_t>(
        array == Array::parameters ? layout.total() : layout.trainable_end()));
    stream_.download(values.data(), from, values.size() * sizeof(float));
    return now_.stripped(values, array);
  }
  /// Plans the step for the present network and records it.
  void compile() {
    evaluator_.reset();
    stream_.zero(memory_.gradients(), bytes_of(now_.layout().trainable_end()));
    program_ = std::make_unique<program::Program>(plans_.training(now_));
    program_->bind(stream_, memory_.work(), memory_.parameters(), memory_.gradients(),
                   memory_.cast_weights());
    loop_.record(*program_, now_.layout(), memory_);
    if (!plans_.validates()) return;
    evaluator_ = plans_.evaluator(now_);
    evaluator_->bind(stream_, validation_, memory_.work(), memory_.parameters());
  }

  /// Removes the channels that are due before epoch `index`. The host knows how many; which, the
  /// device alone.
  void prune(std::int64_t index, const std::stop_token& stop) {
    const std::vector<std::int64_t> left = pruning_.channels(index);
    const compress::ChannelGroups groups(now_.plain());
    bool due = false;
    for (std::size_t i = 0; i < left.size(); ++i) {
      due = due || left[i] < groups.groups()[i].channels;
    }
    if (!due) return;
    const Phase phase("prune");
    // Dead channels are scored with the others, and not chosen from.
    score(compress::ChannelGroups(now_.graph()), index, stop);
    const compress::KeptChannels kept{left, memory_.index()};
    compress::select_channels(stream_, groups, memory_.scores(), kept);
    remove(groups, kept);
  }

  void score(const compress::ChannelGroups& groups, std::int64_t epoch,
             const std::stop_token& stop) {
    loop_.shuffle(epoch);
    const std::int64_t batches = std::min(kRankingBatches, loop_.steps());
    const LoadBatch load = [&](const program::Program& program, std::int64_t i) {
      heed(stop, stream_);
      loop_.load(program, i, epoch);
    };
    const View scores = memory_.scores();
    stream_.zero(scores.data, scores.bytes());
    compress::PruningState state{memory_.parameters(), memory_.gradient_sum(),
                                 seed_ + static_cast<std::uint64_t>(epoch)};
    if (plans_.ranks_by(compress::PruningCriterion::taylor)) {
      sum_gradients(stream_, *program_, now_.layout(), memory_.parameters(), memory_.gradients(),
                    batches, load, memory_.gradient_sum());
    } else if (plans_.ranks_by(compress::PruningCriterion::apoz)) {
      program::Program inspection = plans_.inspection(now_);
      inspection.bind(stream_, memory_.work(), memory_.parameters(), nullptr);
      add_positive_shares(stream_, inspection, now_.graph(), groups, batches, load, scores);
    }
    compress::add_channel_scores(stream_, now_.graph(), now_.layout(), groups,
                                 pruning_.spec().criterion, state, scores);
  }

  void remove(const compress::ChannelGroups& groups, const compress::KeptChannels& kept) {
    const compress::PaddedNetwork before = now_;
    const compress::ChannelGroups padded_groups(before.graph());
    now_ = plans_.padded(compress::with_group_channels(before.plain(), groups, kept.counts));
    const compress::KeptChannels filled =
        compress::with_dead_channels(stream_, groups, kept, compress::group_channels(now_.graph()));
    auto* const work = static_cast<float*>(memory_.work());
    const auto shorten = [&](float* array, std::int64_t end, std::int64_t count) {
      stream_.zero(work, bytes_of(count));  // gaps hold zeros
      compress::compact(stream_, before.graph(), padded_groups, filled, end,
                        {before.layout(), array}, {now_.layout(), work});
      stream_.copy(array, work, bytes_of(count));
    };
    const graph::ParameterLayout& from = before.layout();
    const graph::ParameterLayout& to = now_.layout();
    shorten(memory_.parameters(), from.total(), to.total());
    shorten(memory_.first_moment(), from.trainable_end(), to.trainable_end());
    if (loop_.moments() > 1) {
      shorten(memory_.second_moment(), from.trainable_end(), to.trainable_end());
    }
    compile();
  }

  Stream& stream_;
  const TrainingSpec training_;
  const compress::PruningPlan pruning_;
  const std::uint64_t seed_;
  TrainingLoop loop_;
  const CandidatePlans plans_;
  const data::BatchSource validation_;
  compress::PaddedNetwork now_;  // at its present stage
  std::int64_t epoch_ = 0;
  EpochProgress progress_;  // of that epoch
  const CandidateSizes sizes_;
  const std::size_t scratch_;  // bytes
  CandidateMemory memory_;
  std::unique_ptr<program::Program> program_;
  std::unique_ptr<Evaluator> evaluator_;
};

/// Brings the trainer to where the checkpoint was made; false when there is none or it is refused.
bool resume(Trainer& trainer, const Continuation& continuation, const TrainingIdentity& identity) {
  if (continuation.from.empty()) return false;
  try {
    const TrainingCheckpoint from = checkpoint_from_bytes(continuation.from);
    check_identity(from, identity);
    trainer.resume(from);
    return true;
  } catch (const DataError& error) {
    if (continuation.refused) continuation.refused(error.what());
    return false;
  }
}

}  // namespace

TrainingResult train(Stream& stream, const data::ResidentDataset& data, const Graph& graph,
                     const TrainingSpec& training, const compress::PruningSpec& pruning,
                     std::uint64_t seed, const std::function<void(const EpochReport&)>& report,
                     std::stop_token stop, const Continuation& continuation) {
  TrainingIdentity identity = training_identity(stream, data, graph, training, pruning, seed);
  identity.insert(continuation.context.begin(), continuation.context.end());
  Trainer trainer(stream, data, graph, training, pruning, seed, report && data.validation.size > 0);
  trainer.take_memory();
  const auto keep = [&] { continuation.keep(to_bytes(trainer.checkpoint(identity))); };
  if (!resume(trainer, continuation, identity)) trainer.begin();
  try {
    while (trainer.epoch() < training.epochs) {
      const EpochReport now = trainer.run(stop);
      if (report) report(now);
      if (continuation.wanted && continuation.keep && continuation.wanted(now.epoch)) keep();
    }
  } catch (const Interrupted&) {
    if (continuation.keep) keep();
    throw;
  }
  TrainingResult result;
  result.planned_bytes = data.bytes() + trainer.planned_bytes();
  result.network = trainer.network();
  return result;
}

std::size_t training_bytes(Stream& stream, const data::ResidentDataset& data, const Graph& graph,
                           const TrainingSpec& training, const compress::PruningSpec& pruning) {
  const bool validates = data.validation.size > 0;
  return Trainer(stream, data, graph, training, pruning, 0, validates).planned_bytes();
}

}  // namespace paretiny::train
