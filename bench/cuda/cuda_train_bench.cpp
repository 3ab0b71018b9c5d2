// Whole training: seconds of an epoch (the median of those after the first, which captures what is
// replayed) and the accuracy at the end, through the same `train` that a search calls. Its twin is
// bench/peers/train_peer.py: same networks, data, batch, augmentation, optimiser and schedule.
//
// --data=FOLDER       CIFAR-10's binary files for the images (else a made set of the same size)
// --epochs=N --batch=N
// --device=cpu --samples=N   to try it on a small machine, with N training samples
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bench/cuda/made_set.h"
#include "bench/cuda/measure.h"
#include "engine/data/dataset.h"
#include "engine/models/model.h"
#include "engine/train/trainer.h"

namespace paretiny::bench {
namespace {

struct Settings {
  std::string data;
  Device device;
  std::int64_t epochs, batch;
  std::int64_t samples;  ///< 0: all
};

struct Task {
  const char* model;
  Shape sample;
  std::int64_t classes, train, test;
};
constexpr Task kTasks[] = {{"resnet18", {1, 32, 32, 3}, 10, 50000, 10000},
                           {"mobilenet_v3", {1, 1, 1024, 24}, 13, 8192, 2048}};

bool images(const Task& task) {
  return task.sample.h > 1;
}

data::Dataset dataset_of(const Task& task, const Settings& settings) {
  if (images(task) && !settings.data.empty()) {
    data::DatasetSpec spec;
    spec.format = "cifar10";
    spec.path = settings.data;
    spec.validation = 0;
    spec.limit = settings.samples;
    return data::load_dataset(spec);
  }
  const std::int64_t train = settings.samples > 0 ? settings.samples : task.train;
  return made_set(task.sample, task.classes, train, std::min(task.test, train));
}

train::TrainingSpec training_of(const Task& task, const Settings& settings) {
  train::TrainingSpec spec;
  spec.epochs = settings.epochs;
  spec.batch = settings.batch;
  spec.optimizer = train::Optimizer::sgd;
  spec.learning_rate = 0.2;
  spec.momentum = 0.9;
  spec.weight_decay = 5e-4;
  spec.schedule = train::Schedule::cosine;
  spec.warmup = 1;
  spec.crop = images(task) ? 4 : 0;
  spec.flip = images(task);
  spec.precision = train::Precision::bf16;
  return spec;
}

std::string name_of(const Task& task, const Settings& settings) {
  const char* set = images(task) && !settings.data.empty() ? "cifar10" : "made";
  return fmt::format("train/epoch/bf16/{}_{}_{}_batch{}/paretiny", task.model,
                     to_string(task.sample), set, settings.batch);
}

double parameters(const graph::Graph& graph) {
  double count = 0;
  const graph::ParameterLayout layout(graph);
  for (const graph::ParameterTensor& each : layout.tensors()) {
    const bool statistic =
        each.role == graph::Role::running_mean || each.role == graph::Role::running_var;
    if (!statistic) count += static_cast<double>(each.shape.elements());
  }
  return count;
}

void measure(benchmark::State& state, const Task& task, const Settings& settings) {
  const auto stream = Stream::create(settings.device);
  const data::Dataset set = dataset_of(task, settings);
  const data::ResidentDataset data(*stream, set);
  const graph::Graph graph = models::build_model({task.model, task.sample, task.classes, 1, {}});
  const auto batches = set.train.size() / settings.batch;
  const auto samples = static_cast<double>(batches * settings.batch);
  for (auto _ : state) {
    std::vector<double> seconds;
    train::EpochReport last;
    const train::TrainingResult result =
        train::train(*stream, data, graph, training_of(task, settings), {}, 1,
                     [&](const train::EpochReport& report) {
                       seconds.push_back(report.seconds);
                       last = report;
                     });
    if (seconds.size() > 1) seconds.erase(seconds.begin());
    const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
    std::nth_element(seconds.begin(), middle, seconds.end());
    state.SetIterationTime(*middle);
    // Forward and both gradients; a multiply-accumulate is two operations.
    const double operations = 6 * static_cast<double>(graph::macs(graph)) * samples;
    state.counters["images/s"] = samples / *middle;
    state.counters["FLOPs"] = operations;
    state.counters["TFLOP/s"] = 1e-12 * operations / *middle;
    if (the_ceilings().bf16 > 0) {
      state.counters["share_of_floor"] = operations / the_ceilings().bf16 / *middle;
    }
    state.counters["accuracy"] =
        train::evaluate(*stream, result.network, data, data.test, DType::bf16).accuracy;
    state.counters["train_accuracy"] = last.train_accuracy;
    state.counters["planned_MB"] = 1e-6 * static_cast<double>(result.planned_bytes);
  }
  state.counters["epochs"] = static_cast<double>(settings.epochs);
  state.counters["parameters"] = parameters(graph);
  state.counters["data"] = checksum(set);
}

}  // namespace
}  // namespace paretiny::bench

int main(int argc, char** argv) {
  using namespace paretiny;
  const auto take = [&](const char* name, const char* otherwise) {
    return bench::take_argument(argc, argv, name, otherwise);
  };
  const auto take_number = [&](const char* name, const char* otherwise) {
    return std::int64_t{std::atoll(take(name, otherwise).c_str())};
  };
  const bool on_cpu = take("device", "cuda") == "cpu";
  const bench::Settings settings{take("data", ""),
                                 {on_cpu ? DeviceKind::cpu : DeviceKind::cuda, 0},
                                 std::max<std::int64_t>(take_number("epochs", "8"), 1),
                                 std::max<std::int64_t>(take_number("batch", "512"), 1),
                                 take_number("samples", "0")};
  for (const bench::Task& task : bench::kTasks) {
    benchmark::RegisterBenchmark(bench::name_of(task, settings).c_str(),
                                 [=](benchmark::State& state) {
                                   bench::within_budget(
                                       state, [&] { bench::measure(state, task, settings); });
                                 })
        ->UseManualTime()
        ->Iterations(1)
        ->Unit(benchmark::kMillisecond);
  }
  return bench::run(argc, argv, settings.device);
}
