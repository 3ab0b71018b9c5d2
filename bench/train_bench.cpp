// A training step of whole networks: ours (batch, forward, backward, update) and the same step made
// of oneDNN primitives alone, in turns. Counters, from medians: samples a second, milliseconds of
// both, share = oneDNN's time / ours (the floor is oneDNN's), and the planned bytes beside the
// growth of the process's peak memory.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "bench/onednn_step.h"
#include "engine/data/resident.h"
#include "engine/models/model.h"
#include "engine/program/program.h"
#include "kernels/core/random.h"
#include "kernels/nn/training/optimizer.h"

namespace paretiny {
namespace {

graph::Graph network(const std::string& name) {
  if (name == "mobilenet_v3_1d") {
    return models::build_model({.name = "mobilenet_v3", .input = {1, 1, 1024, 24}, .classes = 13});
  }
  const Shape input = name == "ds_cnn" ? Shape{1, 49, 10, 1} : Shape{1, 32, 32, 3};
  return models::build_model({.name = name, .input = input, .classes = 10});
}

/// Random samples, enough for a few batches.
data::Dataset random_set(const Shape& sample, std::int64_t size) {
  data::Dataset set;
  set.classes.resize(10);
  set.scale.assign(static_cast<std::size_t>(sample.c), 1);
  set.shift.assign(static_cast<std::size_t>(sample.c), 0);
  set.train.sample = sample;
  std::vector<float> values(static_cast<std::size_t>(size * sample.elements()));
  Random random(1, "bench");
  for (float& value : values) value = static_cast<float>(random.normal());
  const auto* bytes = reinterpret_cast<const std::byte*>(values.data());
  set.train.values.assign(bytes, bytes + values.size() * sizeof(float));
  for (std::int64_t i = 0; i < size; ++i) set.train.labels.push_back(static_cast<int>(i % 10));
  set.validation.sample = set.test.sample = sample;
  return set;
}

/// Bytes of a line of /proc/self/status, such as "VmHWM:".
double status_bytes(const std::string& key) {
  std::ifstream file("/proc/self/status");
  for (std::string word; file >> word;) {
    double kilobytes = 0;
    if (word == key && file >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

class Step {
 public:
  Step(const graph::Graph& graph, std::int64_t batch, DType dtype)
      : stream_(Stream::create({DeviceKind::cpu, 0})),
        set_(random_set(graph.node(0).output, 4 * batch)),
        data_(*stream_, set_),
        source_(*stream_, data_, data_.train),
        layout_(graph),
        parameters_(graph::initial_parameters(graph, layout_, 1)),
        gradients_(static_cast<std::size_t>(layout_.trainable_end())),
        momentum_(gradients_.size()),
        program_(graph, layout_, {program::ProgramKind::training, batch, dtype, 0.1f}) {
    program_.bind(*stream_, parameters_.data(), gradients_.data());
  }

  void run() {
    const std::int64_t batch = program_.options().batch;
    source_.load(*stream_, {}, batch * (steps_++ % 4), 0, program_.input(), program_.labels());
    program_.forward(*stream_);
    program_.backward(*stream_);
    const Shape all{1, 1, 1, layout_.trainable_end()};
    const auto flat = [&](std::vector<float>& values) {
      return view(static_cast<void*>(values.data()), DType::f32, all);
    };
    nn::sgd_step(*stream_, {0.9f, 1e-4f, true}, view(&rate_, DType::f32, {}),
                 {.g = flat(gradients_), .w = flat(parameters_), .m = flat(momentum_)});
  }

  double planned_bytes() {
    return static_cast<double>(program_.arena_bytes() + program_.scratch_bytes(*stream_) +
                               data_.bytes() + source_.bytes() + set_.train.values.size() +
                               4 * (parameters_.size() + gradients_.size() + momentum_.size()));
  }

 private:
  std::unique_ptr<Stream> stream_;
  data::Dataset set_;
  data::ResidentDataset data_;
  data::BatchSource source_;
  graph::ParameterLayout layout_;
  std::vector<float> parameters_, gradients_, momentum_;
  program::Program program_;
  const float rate_ = 1e-3f;
  std::int64_t steps_ = 0;
};

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

void step(benchmark::State& state, const std::string& name, std::int64_t batch, DType dtype) {
  const graph::Graph graph = network(name);
  std::ofstream("/proc/self/clear_refs") << 5;  // the peak starts anew
  const double before = status_bytes("VmRSS:");
  Step ours(graph, batch, dtype);
  ours.run();
  ours.run();
  const double peak = status_bytes("VmHWM:") - before;
  bench::OneDnnStep theirs(graph, batch, dtype);
  theirs.run();
  std::vector<double> our_times, their_times;
  for (auto _ : state) {
    const double seconds = seconds_of([&] { ours.run(); });
    state.SetIterationTime(seconds);
    our_times.push_back(seconds);
    their_times.push_back(seconds_of([&] { theirs.run(); }));
  }
  const double own = median(our_times);
  const double floor = median(their_times);
  state.counters["samples/s"] = static_cast<double>(batch) / own;
  state.counters["ms"] = 1e3 * own;
  state.counters["onednn_ms"] = 1e3 * floor;
  state.counters["share"] = floor / own;
  state.counters["planned_MB"] = 1e-6 * ours.planned_bytes();
  state.counters["peak_MB"] = 1e-6 * peak;
}

}  // namespace
}  // namespace paretiny

int main(int argc, char** argv) {
  using namespace paretiny;
  for (const char* name : {"resnet18", "mobilenet_v3_1d", "resnet8", "ds_cnn"}) {
    for (const DType dtype : {DType::bf16, DType::f32}) {
      benchmark::RegisterBenchmark((std::string(name) + "/" + name_of(dtype)).c_str(),
                                   [=](benchmark::State& state) { step(state, name, 128, dtype); })
          ->UseManualTime()
          ->Iterations(11)
          ->Unit(benchmark::kMillisecond);
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
}
