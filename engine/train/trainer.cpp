#include "engine/train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>

#include "engine/compress/prune.h"
#include "engine/program/program.h"
#include "engine/train/ranking.h"
#include "kernels/optimizer.h"
#include "kernels/random.h"

namespace paretiny {
namespace {

/// Batches that gradients and activations are averaged over to rank channels: one is too noisy.
constexpr std::int64_t kRankingBatches = 4;
constexpr double kBeta2 = 0.999;

/// Everything a candidate needs on the device while it is trained.
class Trainer {
 public:
  Trainer(Stream& stream, const ResidentDataset& data, const Graph& graph,
          const TrainingSpec& training, const PruningSpec& pruning, std::uint64_t seed)
      : stream_(stream),
        data_(data),
        original_(graph),
        original_groups_(graph),
        training_(training),
        pruning_(pruning),
        seed_(seed),
        dtype_(activation_type(training.precision, stream.device())),
        steps_(data.train.size / training.batch),
        source_(stream, data, data.train),
        schedule_(stream.device(), 3 * sizeof(float)),
        graph_(graph),
        layout_(graph) {
    if (steps_ == 0) {
      throw UsageError(fmt::format(
          "training.batch is {} but there are only {} training samples; choose a smaller batch",
          training.batch, data.train.size));
    }
    parameters_ = Buffer(stream_.device(), bytes_of(layout_.total()));
    const std::vector<float> values = initial_parameters(graph, layout_, seed);
    stream_.upload(parameters_.data(), values.data(), parameters_.bytes());
    first_ = zeros(layout_.trainable_end());
    if (training_.optimizer != Optimizer::sgd) second_ = zeros(layout_.trainable_end());
    compile();
  }

  std::size_t planned_bytes() {
    return data_.bytes() + parameters_.bytes() + gradients_.bytes() + first_.bytes() +
           second_.bytes() + source_.bytes() + program_->arena_bytes() +
           program_->scratch_bytes(stream_);
  }

  EpochReport epoch(std::int64_t index, const std::stop_token& stop) {
    prune(index);
    shuffle(index);
    const auto started = std::chrono::steady_clock::now();
    for (std::int64_t i = 0; i < steps_; ++i) {
      if (stop.stop_requested()) throw Interrupted("training was interrupted");
      load(*program_, i, index);
      program_->forward(stream_);
      program_->backward(stream_);
      update(index * steps_ + i);
    }
    float totals[2];
    const View sums = program_->totals();
    stream_.download(totals, sums.data, sizeof(totals));
    stream_.zero(sums.data, sums.bytes());
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
    const auto samples = static_cast<double>(steps_ * training_.batch);

    EpochReport report;
    report.epoch = index + 1;
    report.epochs = training_.epochs;
    report.loss = totals[0] / samples;
    report.train_accuracy = totals[1] / samples;
    report.validation_accuracy = std::numeric_limits<double>::quiet_NaN();
    report.learning_rate = learning_rate(training_, (index + 1) * steps_ - 1, steps_);
    report.sparsity = sparsity();
    report.seconds = took.count();
    report.samples_per_second = samples / took.count();
    if (!std::isfinite(report.loss)) {
      throw DivergedError(fmt::format("the loss became {} in epoch {} at learning rate {:.4g}",
                                      report.loss, report.epoch, report.learning_rate));
    }
    return report;
  }

  Network network() {
    Network copy{graph_, std::vector<float>(static_cast<std::size_t>(layout_.total()))};
    stream_.download(copy.parameters.data(), parameters_.data(), parameters_.bytes());
    return copy;
  }

  DType dtype() const { return dtype_; }

 private:
  static std::size_t bytes_of(std::int64_t floats) {
    return static_cast<std::size_t>(floats) * sizeof(float);
  }
  static float* floats(const Buffer& buffer) { return static_cast<float*>(buffer.data()); }

  Buffer zeros(std::int64_t count) {
    Buffer buffer(stream_.device(), bytes_of(count));
    stream_.zero(buffer.data(), buffer.bytes());
    return buffer;
  }

  /// Plans the step for the present network and ties it to the present parameters.
  void compile() {
    gradients_ = zeros(layout_.trainable_end());
    program_ =
        std::make_unique<Program>(graph_, layout_,
                                  ProgramOptions{ProgramKind::training, training_.batch, dtype_,
                                                 static_cast<float>(training_.label_smoothing),
                                                 fuses_layers(stream_.device())});
    check_memory();
    program_->bind(stream_, floats(parameters_), floats(gradients_));
  }

  /// An allocation larger than the memory may well succeed, and end the process when it is used.
  void check_memory() {
    const auto planned = static_cast<double>(planned_bytes());
    for (const DeviceInfo& info : devices()) {
      const auto memory = static_cast<double>(info.memory_bytes);
      if (info.device == stream_.device() && planned > memory) {
        throw OutOfMemory(
            fmt::format("training needs {:.2f} GB and {} has {:.2f} GB; a smaller "
                        "batch or width needs less",
                        1e-9 * planned, to_string(info.device), 1e-9 * memory));
      }
    }
  }

  void shuffle(std::int64_t epoch) {
    std::vector<std::int32_t> order(static_cast<std::size_t>(data_.train.size));
    std::iota(order.begin(), order.end(), 0);
    Random(seed_, "batch order", static_cast<std::uint64_t>(epoch)).shuffle(order);
    source_.set_order(stream_, order);
  }

  void load(const Program& program, std::int64_t step, std::int64_t epoch) {
    const AugmentSpec augment{training_.crop, training_.flip, training_.shift,
                              static_cast<float>(training_.noise), seed_};
    source_.load(stream_, augment, step * training_.batch, epoch, program.input(),
                 program.labels());
  }

  void update(std::int64_t step) {
    const auto t = static_cast<double>(step + 1);
    const float schedule[3] = {static_cast<float>(learning_rate(training_, step, steps_)),
                               static_cast<float>(1 - std::pow(training_.momentum, t)),
                               static_cast<float>(1 - std::pow(kBeta2, t))};
    stream_.upload(schedule_.data(), schedule, sizeof(schedule));
    const std::int64_t end = layout_.trainable_end();
    const std::int64_t decayed = training_.decay_all ? end : layout_.weights_end();
    update(0, decayed, static_cast<float>(training_.weight_decay));
    if (decayed < end) update(decayed, end, 0);
  }

  void update(std::int64_t begin, std::int64_t end, float decay) {
    const auto part = [&](const Buffer& buffer) {
      return buffer.at(bytes_of(begin), DType::f32, {1, 1, 1, end - begin});
    };
    const auto momentum = static_cast<float>(training_.momentum);
    if (training_.optimizer == Optimizer::sgd) {
      sgd_step(stream_, {momentum, decay, true}, schedule_.at(0, DType::f32, {}), part(gradients_),
               part(parameters_), part(first_));
      return;
    }
    AdamOptions options;
    options.beta1 = momentum;
    options.beta2 = static_cast<float>(kBeta2);
    options.weight_decay = decay;
    options.decoupled = training_.optimizer == Optimizer::adamw;
    adam_step(stream_, options, schedule_.at(0, DType::f32, {1, 1, 1, 3}), part(gradients_),
              part(parameters_), part(first_), part(second_));
  }

  /// Share of the original network's prunable channels that are gone.
  double sparsity() const {
    const ChannelGroups now(graph_);
    std::int64_t had = 0;
    std::int64_t have = 0;
    for (std::size_t i = 0; i < now.groups().size(); ++i) {
      if (!original_groups_.groups()[i].prunable) continue;
      had += original_groups_.groups()[i].channels;
      have += now.groups()[i].channels;
    }
    return had == 0 ? 0 : 1 - static_cast<double>(have) / static_cast<double>(had);
  }

  /// Removes the channels that are due before epoch `index`.
  void prune(std::int64_t index) {
    const double progress = pruning_progress(pruning_, index, training_.epochs);
    const std::vector<std::int64_t> left =
        channels_left(original_, original_groups_, pruning_, progress);
    const ChannelGroups groups(graph_);
    bool due = false;
    for (std::size_t i = 0; i < left.size(); ++i) {
      due = due || left[i] < groups.groups()[i].channels;
    }
    if (due) remove(groups, most_important(scores(groups, index), left), left);
  }

  std::vector<std::vector<float>> scores(const ChannelGroups& groups, std::int64_t epoch) {
    shuffle(epoch);
    const std::int64_t batches = std::min(kRankingBatches, steps_);
    const auto load_batch = [&](const Program& program, std::int64_t i) {
      load(program, i, epoch);
    };
    PruningState state{floats(parameters_), nullptr, {}, seed_ + static_cast<std::uint64_t>(epoch)};
    Buffer gradients;
    if (pruning_.criterion == PruningCriterion::taylor) {
      gradients = mean_gradients(stream_, *program_, layout_, floats(parameters_),
                                 floats(gradients_), batches, load_batch);
      state.gradients = floats(gradients);
    } else if (pruning_.criterion == PruningCriterion::apoz) {
      Program inspection(graph_, layout_, {ProgramKind::inspection, training_.batch, dtype_, 0});
      inspection.bind(stream_, floats(parameters_), nullptr);
      state.positive_shares = positive_shares(stream_, inspection, graph_, batches, load_batch);
    }
    return channel_scores(stream_, graph_, layout_, groups, pruning_.criterion, state);
  }

  void remove(const ChannelGroups& groups, const KeptChannels& kept,
              const std::vector<std::int64_t>& left) {
    const Graph pruned = with_group_channels(graph_, groups, left);
    const ParameterLayout layout(pruned);
    const auto moved = [&](const Buffer& from, std::int64_t end, std::int64_t count) {
      Buffer to = zeros(count);
      compact(stream_, graph_, groups, kept, layout_, layout, end, floats(from), floats(to));
      return to;
    };
    Buffer parameters = moved(parameters_, layout_.total(), layout.total());
    first_ = moved(first_, layout_.trainable_end(), layout.trainable_end());
    if (second_.bytes() > 0) {
      second_ = moved(second_, layout_.trainable_end(), layout.trainable_end());
    }
    parameters_ = std::move(parameters);
    graph_ = pruned;
    layout_ = layout;
    compile();
  }

  Stream& stream_;
  const ResidentDataset& data_;
  const Graph original_;
  const ChannelGroups original_groups_;
  const TrainingSpec training_;
  const PruningSpec pruning_;
  const std::uint64_t seed_;
  const DType dtype_;
  const std::int64_t steps_;  // an epoch
  BatchSource source_;
  Buffer schedule_;
  Graph graph_;
  ParameterLayout layout_;
  Buffer parameters_, gradients_, first_, second_;
  std::unique_ptr<Program> program_;
};

}  // namespace

TrainingResult train(Stream& stream, const ResidentDataset& data, const Graph& graph,
                     const TrainingSpec& training, const PruningSpec& pruning, std::uint64_t seed,
                     const std::function<void(const EpochReport&)>& report, std::stop_token stop) {
  Trainer trainer(stream, data, graph, training, pruning, seed);
  TrainingResult result;
  result.planned_bytes = trainer.planned_bytes();
  for (std::int64_t epoch = 0; epoch < training.epochs; ++epoch) {
    EpochReport now = trainer.epoch(epoch, stop);
    if (!report) continue;
    if (data.validation.size > 0) {
      now.validation_accuracy =
          evaluate(stream, trainer.network(), data, data.validation, trainer.dtype()).accuracy;
    }
    report(now);
  }
  result.network = trainer.network();
  return result;
}

}  // namespace paretiny
