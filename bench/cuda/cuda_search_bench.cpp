// A whole search on the GPU: candidates an hour of the built-in demo (examples/demo.toml, another
// with --experiment=FILE). --trials=N shortens it; --device=cpu is for comparison.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/error.h"
#include "bench/cuda/measure.h"
#include "nas/search/search.h"

namespace paretiny::bench {
namespace {

struct Settings {
  std::string experiment;
  std::string trials;
  Device device;
};

/// A folder of its own that goes when the search is over.
class Folder {
 public:
  Folder() {
    std::string path = (std::filesystem::temp_directory_path() / "paretiny_bench.XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr) throw DataError(path + " cannot be made");
    path_ = path;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

void measure(benchmark::State& state, const Settings& settings) {
  const Folder folder;
  const experiment::Experiment experiment =
      experiment::load_experiment(settings.experiment, {"study.trials=" + settings.trials});
  for (auto _ : state) {
    data::Dataset data = data::load_dataset(experiment.dataset);
    const auto study = study::create_or_open_study(
        folder.path() / "bench.sqlite", search::study_header(experiment, data, settings.device));
    search::SearchObserver observer;
    const auto begin = std::chrono::steady_clock::now();
    (void)search::run_search(experiment, std::move(data), *study, {{settings.device}},
                             experiment.trials, observer, {});
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    state.SetIterationTime(took.count());
    double trained = 0;
    for (const study::Trial& trial : study->trials())
      trained += trial.state == study::TrialState::done ? 1 : 0;
    state.counters["candidates/h"] = 3600 * trained / took.count();
    state.counters["trials/h"] = 3600 * static_cast<double>(experiment.trials) / took.count();
    state.counters["trained"] = trained;
  }
}

}  // namespace
}  // namespace paretiny::bench

int main(int argc, char** argv) {
  using namespace paretiny;
  const auto take = [&](const char* name, const char* otherwise) {
    return bench::take_argument(argc, argv, name, otherwise);
  };
  const bool on_cpu = take("device", "cuda") == "cpu";
  const bench::Settings settings{take("experiment", "examples/demo.toml"),
                                 take("trials", "60"),
                                 {on_cpu ? DeviceKind::cpu : DeviceKind::cuda, 0}};
  const std::string name =
      fmt::format("search/demo/{}/{}_trials{}/paretiny", on_cpu ? "cpu" : "cuda",
                  std::filesystem::path(settings.experiment).stem().string(), settings.trials);
  benchmark::RegisterBenchmark(name.c_str(),
                               [=](benchmark::State& state) {
                                 bench::within_budget(state,
                                                      [&] { bench::measure(state, settings); });
                               })
      ->UseManualTime()
      ->Iterations(1)
      ->Unit(benchmark::kSecond);
  return bench::run(argc, argv, settings.device);
}
