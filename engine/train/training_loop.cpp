#include "engine/train/training_loop.h"

#include <fmt/core.h>

#include <chrono>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/phase.h"
#include "kernels/core/random.h"
#include "kernels/core/stop.h"
#include "kernels/nn/training/optimizer.h"

namespace paretiny::train {

TrainingLoop::TrainingLoop(Stream& stream, const data::ResidentDataset& data,
                           const TrainingSpec& training, std::uint64_t seed)
    : stream_(stream),
      training_(training),
      seed_(seed),
      samples_(data.train.size),
      steps_(data.train.size / training.batch),
      source_(stream, data, data.train) {
  if (steps_ == 0) {
    throw UsageError(fmt::format(
        "training.batch is {} but there are only {} training samples; choose a smaller batch",
        training.batch, data.train.size));
  }
  table_ = data::StepTable(stream.device(), steps_, kEpochRowWidth);
}

void TrainingLoop::clear_moments(const CandidateMemory& memory,
                                 const graph::ParameterLayout& layout) {
  const auto bytes = static_cast<std::size_t>(layout.trainable_end()) * sizeof(float);
  stream_.zero(memory.first_moment(), bytes);
  if (adam()) stream_.zero(memory.second_moment(), bytes);
}

void TrainingLoop::record(const program::Program& program, const graph::ParameterLayout& layout,
                          const CandidateMemory& memory) {
  step_.reset();
  totals_ = program.totals();
  if (memory.cast_weights() != nullptr) {
    const Shape all{1, 1, 1, layout.trainable_end()};
    nn::cast_weights(stream_, view(static_cast<const void*>(memory.parameters()), DType::f32, all),
                     view(static_cast<void*>(memory.cast_weights()), DType::bf16, all));
  }
  step_ = stream_.record([this, &program, &layout, &memory] {
    table_.next(stream_);
    source_.load(stream_, augment(), table_.row(DType::i32, 0, 2), program.input(),
                 program.labels());
    program.forward(stream_);
    program.backward(stream_);
    update(layout, memory);
  });
}

EpochTotals TrainingLoop::epoch(std::int64_t index, const std::stop_token& stop,
                                EpochProgress from) {
  shuffle(index);
  const auto started = std::chrono::steady_clock::now();
  table_.fill(stream_, epoch_rows(training_, index, steps_));
  table_.rewind(stream_, from.steps);
  float sums[2] = {from.loss, from.hits};
  stream_.upload(totals_.data, sums, sizeof(sums));
  std::int64_t done = from.steps;
  for (; done < steps_ && !stop.stop_requested(); ++done) {
    const ProfilerRange range("step");
    step_->run();
  }
  stream_.download(sums, totals_.data, sizeof(sums));  // the device may be steps behind
  progress_ = {done, sums[0], sums[1]};
  if (done < steps_) heed(stop, stream_);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;

  EpochTotals totals;
  const auto samples = static_cast<double>(steps_ * training_.batch);
  totals.loss = sums[0] / samples;
  totals.accuracy = sums[1] / samples;
  totals.learning_rate = learning_rate(training_, (index + 1) * steps_ - 1, steps_);
  totals.seconds = took.count();
  totals.samples = static_cast<double>((steps_ - from.steps) * training_.batch);
  if (!std::isfinite(totals.loss)) {
    throw DivergedError(fmt::format("the loss became {} in epoch {} at learning rate {:.4g}",
                                    totals.loss, index + 1, totals.learning_rate));
  }
  return totals;
}

void TrainingLoop::shuffle(std::int64_t epoch) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(samples_));
  std::iota(order.begin(), order.end(), 0);
  Random(seed_, "batch order", static_cast<std::uint64_t>(epoch)).shuffle(order);
  source_.set_order(stream_, order);
}

void TrainingLoop::load(const program::Program& program, std::int64_t i, std::int64_t epoch) {
  source_.load(stream_, augment(), i * training_.batch, epoch, program.input(), program.labels());
}

nn::AugmentSpec TrainingLoop::augment() const {
  return {training_.crop, training_.flip, training_.shift, static_cast<float>(training_.noise),
          seed_};
}

void TrainingLoop::update(const graph::ParameterLayout& layout,
                          const CandidateMemory& memory) const {
  const std::int64_t end = layout.trainable_end();
  const std::int64_t decayed = training_.decay_all ? end : layout.weights_end();
  update(memory, 0, decayed, static_cast<float>(training_.weight_decay));
  if (decayed < end) update(memory, decayed, end, 0);
}

void TrainingLoop::update(const CandidateMemory& memory, std::int64_t begin, std::int64_t end,
                          float decay) const {
  const Shape flat{1, 1, 1, end - begin};
  const auto part = [&](float* array) {
    return view(static_cast<void*>(array + begin), DType::f32, flat);
  };
  const View g = part(memory.gradients());
  const View w = part(memory.parameters());
  bf16* const casts = memory.cast_weights();
  const View cast =
      casts == nullptr ? View{} : view(static_cast<void*>(casts + begin), DType::bf16, flat);
  const auto momentum = static_cast<float>(training_.momentum);
  if (!adam()) {
    nn::sgd_step(stream_, {momentum, decay, true}, table_.row(DType::f32, 2, 1),
                 {.g = g, .w = w, .m = part(memory.first_moment()), .v = {}, .cast = cast});
    return;
  }
  nn::AdamOptions options;
  options.beta1 = momentum;
  options.beta2 = static_cast<float>(kAdamBeta2);
  options.weight_decay = decay;
  options.decoupled = training_.optimizer == Optimizer::adamw;
  nn::adam_step(stream_, options, table_.row(DType::f32, 2, 3),
                {.g = g,
                 .w = w,
                 .m = part(memory.first_moment()),
                 .v = part(memory.second_moment()),
                 .cast = cast});
}

}  // namespace paretiny::train
