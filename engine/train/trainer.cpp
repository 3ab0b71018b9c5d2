#include "engine/train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>

#include "engine/compress/prune.h"
#include "engine/compress/pruning_plan.h"
#include "engine/data/step_table.h"
#include "engine/program/program.h"
#include "engine/train/candidate_memory.h"
#include "engine/train/ranking.h"
#include "kernels/optimizer.h"
#include "kernels/random.h"

namespace paretiny {
namespace {

/// Batches that gradients and activations are averaged over to rank channels: one is too noisy.
constexpr std::int64_t kRankingBatches = 4;

/// Everything a candidate needs on the device while it is trained.
class Trainer {
 public:
  Trainer(Stream& stream, const ResidentDataset& data, const Graph& graph,
          const TrainingSpec& training, const PruningSpec& pruning, std::uint64_t seed,
          bool validates)
      : stream_(stream),
        data_(data),
        training_(training),
        pruning_(graph, pruning, training.epochs),
        seed_(seed),
        dtype_(activation_type(training.precision, stream.device())),
        steps_(data.train.size / training.batch),
        validates_(validates),
        source_(stream, data, data.train),
        validation_(stream, data, data.validation),
        graph_(graph),
        layout_(graph) {
    if (steps_ == 0) {
      throw UsageError(fmt::format(
          "training.batch is {} but there are only {} training samples; choose a smaller batch",
          training.batch, data.train.size));
    }
    table_ = StepTable(stream.device(), steps_, kEpochRowWidth);
    const CandidateSizes sizes = plan();
    check_memory(sizes);
    memory_ = CandidateMemory(stream.device(), sizes);
    const std::vector<float> values = initial_parameters(graph, layout_, seed);
    stream_.upload(memory_.parameters(), values.data(), values.size() * sizeof(float));
    stream_.zero(memory_.first_moment(), bytes_of(layout_.trainable_end()));
    if (adam()) stream_.zero(memory_.second_moment(), bytes_of(layout_.trainable_end()));
    compile();
  }

  std::size_t planned_bytes() const { return planned_bytes_; }

  EpochReport epoch(std::int64_t index, const std::stop_token& stop) {
    prune(index);
    shuffle(index);
    const auto started = std::chrono::steady_clock::now();
    table_.fill(stream_, epoch_rows(training_, index, steps_));
    const View sums = program_->totals();
    stream_.zero(sums.data, sums.bytes());
    for (std::int64_t i = 0; i < steps_; ++i) {
      if (stop.stop_requested()) {
        stream_.synchronize();  // the device may be steps behind
        throw Interrupted("training was interrupted");
      }
      step_->run();
    }
    float totals[2];
    stream_.download(totals, sums.data, sizeof(totals));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
    const auto samples = static_cast<double>(steps_ * training_.batch);

    EpochReport report;
    report.epoch = index + 1;
    report.epochs = training_.epochs;
    report.loss = totals[0] / samples;
    report.train_accuracy = totals[1] / samples;
    report.validation_accuracy = std::numeric_limits<double>::quiet_NaN();
    report.learning_rate = learning_rate(training_, (index + 1) * steps_ - 1, steps_);
    report.sparsity = pruning_.sparsity(graph_);
    report.seconds = took.count();
    report.samples_per_second = samples / took.count();
    if (!std::isfinite(report.loss)) {
      throw DivergedError(fmt::format("the loss became {} in epoch {} at learning rate {:.4g}",
                                      report.loss, report.epoch, report.learning_rate));
    }
    if (evaluator_) report.validation_accuracy = evaluator_->run(stream_).accuracy;
    return report;
  }

  Network network() {
    Network copy{graph_, std::vector<float>(static_cast<std::size_t>(layout_.total()))};
    stream_.download(copy.parameters.data(), memory_.parameters(), bytes_of(layout_.total()));
    return copy;
  }

 private:
  static std::size_t bytes_of(std::int64_t floats) {
    return static_cast<std::size_t>(floats) * sizeof(float);
  }
  bool adam() const { return training_.optimizer != Optimizer::sgd; }
  bool ranks_by(PruningCriterion criterion) const {
    return pruning_.prunes() && pruning_.spec().criterion == criterion;
  }

  Program training_program(const Graph& graph, const ParameterLayout& layout) const {
    return {graph,
            layout,
            {ProgramKind::training, training_.batch, dtype_,
             static_cast<float>(training_.label_smoothing), fuses_layers(stream_.device())}};
  }
  Program inspection_program(const Graph& graph, const ParameterLayout& layout) const {
    return {graph, layout, {ProgramKind::inspection, training_.batch, dtype_}};
  }
  std::unique_ptr<Evaluator> evaluator(const Graph& graph, const ParameterLayout& layout) const {
    return std::make_unique<Evaluator>(graph, layout, data_.validation.size, dtype_,
                                       stream_.device());
  }

  CandidateSizes plan() const {
    CandidateSizes sizes;
    sizes.parameters = layout_.total();
    sizes.trainable = layout_.trainable_end();
    sizes.moments = adam() ? 2 : 1;
    sizes.gradient_sum = ranks_by(PruningCriterion::taylor);
    if (pruning_.prunes()) {
      sizes.channels = pruning_.groups().array_size();
      sizes.work = bytes_of(layout_.total());  // arrays are compacted through it
    }
    // A smaller network need not have a smaller plan: which buffers share memory may change.
    for (const Graph& graph : pruning_.stages()) {
      const ParameterLayout layout(graph);
      sizes.work = std::max(sizes.work, training_program(graph, layout).arena_bytes());
      if (validates_) sizes.work = std::max(sizes.work, evaluator(graph, layout)->arena_bytes());
      if (ranks_by(PruningCriterion::apoz)) {
        sizes.work = std::max(sizes.work, inspection_program(graph, layout).arena_bytes());
      }
    }
    return sizes;
  }

  void check_memory(const CandidateSizes& sizes) {
    std::size_t scratch = training_program(graph_, layout_).scratch_bytes(stream_);
    if (validates_) {
      scratch = std::max(scratch, evaluator(graph_, layout_)->scratch_bytes(stream_));
    }
    const std::size_t block = CandidateMemory::bytes(sizes);
    planned_bytes_ =
        data_.bytes() + source_.bytes() + validation_.bytes() + table_.bytes() + block + scratch;
    const std::size_t there = stream_.scratch().capacity();
    check_available(stream_.device(), block + (scratch > there ? scratch - there : 0));
  }

  /// Plans the step for the present network and records it.
  void compile() {
    step_.reset();
    evaluator_.reset();
    stream_.zero(memory_.gradients(), bytes_of(layout_.trainable_end()));
    program_ = std::make_unique<Program>(training_program(graph_, layout_));
    program_->bind(stream_, memory_.work(), memory_.parameters(), memory_.gradients());
    step_ = stream_.record([this] {
      table_.next(stream_);
      source_.load(stream_, augment(), table_.row(DType::i32, 0, 2), program_->input(),
                   program_->labels());
      program_->forward(stream_);
      program_->backward(stream_);
      update();
    });
    if (!validates_) return;
    evaluator_ = evaluator(graph_, layout_);
    evaluator_->bind(stream_, validation_, memory_.work(), memory_.parameters());
  }

  void shuffle(std::int64_t epoch) {
    std::vector<std::int32_t> order(static_cast<std::size_t>(data_.train.size));
    std::iota(order.begin(), order.end(), 0);
    Random(seed_, "batch order", static_cast<std::uint64_t>(epoch)).shuffle(order);
    source_.set_order(stream_, order);
  }

  AugmentSpec augment() const {
    return {training_.crop, training_.flip, training_.shift, static_cast<float>(training_.noise),
            seed_};
  }

  void update() {
    const std::int64_t end = layout_.trainable_end();
    const std::int64_t decayed = training_.decay_all ? end : layout_.weights_end();
    update(0, decayed, static_cast<float>(training_.weight_decay));
    if (decayed < end) update(decayed, end, 0);
  }

  void update(std::int64_t begin, std::int64_t end, float decay) {
    const auto part = [&](float* array) {
      return view(static_cast<void*>(array + begin), DType::f32, {1, 1, 1, end - begin});
    };
    const View g = part(memory_.gradients());
    const View w = part(memory_.parameters());
    const auto momentum = static_cast<float>(training_.momentum);
    if (!adam()) {
      sgd_step(stream_, {momentum, decay, true}, table_.row(DType::f32, 2, 1), g, w,
               part(memory_.first_moment()));
      return;
    }
    AdamOptions options;
    options.beta1 = momentum;
    options.beta2 = static_cast<float>(kAdamBeta2);
    options.weight_decay = decay;
    options.decoupled = training_.optimizer == Optimizer::adamw;
    adam_step(stream_, options, table_.row(DType::f32, 2, 3), g, w, part(memory_.first_moment()),
              part(memory_.second_moment()));
  }

  /// Removes the channels that are due before epoch `index`. The host knows how many; which, the
  /// device alone.
  void prune(std::int64_t index) {
    const std::vector<std::int64_t> left = pruning_.channels(index);
    const ChannelGroups groups(graph_);
    bool due = false;
    for (std::size_t i = 0; i < left.size(); ++i) {
      due = due || left[i] < groups.groups()[i].channels;
    }
    if (!due) return;
    score(groups, index);
    const KeptChannels kept{left, memory_.index()};
    select_channels(stream_, groups, memory_.scores(), kept);
    remove(groups, kept);
  }

  void score(const ChannelGroups& groups, std::int64_t epoch) {
    shuffle(epoch);
    const std::int64_t batches = std::min(kRankingBatches, steps_);
    const LoadBatch load = [&](const Program& program, std::int64_t i) {
      source_.load(stream_, augment(), i * training_.batch, epoch, program.input(),
                   program.labels());
    };
    const View scores = memory_.scores();
    stream_.zero(scores.data, scores.bytes());
    PruningState state{memory_.parameters(), memory_.gradient_sum(),
                       seed_ + static_cast<std::uint64_t>(epoch)};
    if (ranks_by(PruningCriterion::taylor)) {
      sum_gradients(stream_, *program_, layout_, memory_.parameters(), memory_.gradients(), batches,
                    load, memory_.gradient_sum());
    } else if (ranks_by(PruningCriterion::apoz)) {
      Program inspection = inspection_program(graph_, layout_);
      inspection.bind(stream_, memory_.work(), memory_.parameters(), nullptr);
      add_positive_shares(stream_, inspection, graph_, groups, batches, load, scores);
    }
    add_channel_scores(stream_, graph_, layout_, groups, pruning_.spec().criterion, state, scores);
  }

  void remove(const ChannelGroups& groups, const KeptChannels& kept) {
    const Graph pruned = with_group_channels(graph_, groups, kept.counts);
    const ParameterLayout layout(pruned);
    auto* const work = static_cast<float*>(memory_.work());
    const auto shorten = [&](float* array, std::int64_t end, std::int64_t count) {
      stream_.zero(work, bytes_of(count));  // gaps hold zeros
      compact(stream_, graph_, groups, kept, layout_, layout, end, array, work);
      stream_.copy(array, work, bytes_of(count));
    };
    shorten(memory_.parameters(), layout_.total(), layout.total());
    shorten(memory_.first_moment(), layout_.trainable_end(), layout.trainable_end());
    if (adam()) {
      shorten(memory_.second_moment(), layout_.trainable_end(), layout.trainable_end());
    }
    graph_ = pruned;
    layout_ = layout;
    compile();
  }

  Stream& stream_;
  const ResidentDataset& data_;
  const TrainingSpec training_;
  const PruningPlan pruning_;
  const std::uint64_t seed_;
  const DType dtype_;
  const std::int64_t steps_;  // an epoch
  const bool validates_;      // after each epoch
  BatchSource source_;
  const BatchSource validation_;
  StepTable table_;
  Graph graph_;
  ParameterLayout layout_;
  std::size_t planned_bytes_ = 0;
  CandidateMemory memory_;
  std::unique_ptr<Program> program_;
  std::unique_ptr<Recording> step_;
  std::unique_ptr<Evaluator> evaluator_;
};

}  // namespace

TrainingResult train(Stream& stream, const ResidentDataset& data, const Graph& graph,
                     const TrainingSpec& training, const PruningSpec& pruning, std::uint64_t seed,
                     const std::function<void(const EpochReport&)>& report, std::stop_token stop) {
  Trainer trainer(stream, data, graph, training, pruning, seed, report && data.validation.size > 0);
  TrainingResult result;
  result.planned_bytes = trainer.planned_bytes();
  for (std::int64_t epoch = 0; epoch < training.epochs; ++epoch) {
    const EpochReport now = trainer.epoch(epoch, stop);
    if (report) report(now);
  }
  result.network = trainer.network();
  return result;
}

}  // namespace paretiny
