#include "nas/search/search.h"

#include <algorithm>
#include <utility>

#include "engine/data/fingerprint.h"
#include "kernels/core/threads.h"
#include "nas/search/searcher.h"
#include "nas/search/session.h"

namespace paretiny::search {
namespace {

/// Streams that fill a GPU with small networks and do not yet wait for one another.
constexpr int kJobsOfAGpu = 4;
/// With a lag of just the jobs, quick workers wait for the longest trial (docs/search.md).
constexpr std::int64_t kLagOfAJob = 2;

}  // namespace

StudySpec search_spec(const experiment::Experiment& experiment, std::string data) {
  StudySpec spec;
  spec.name = experiment.name;
  spec.space = experiment.space;
  spec.objectives = search_objectives(experiment);
  spec.sampler = experiment.sampler;
  spec.options = experiment.sampler_options;
  spec.seed = experiment.seed;
  spec.training_seed = experiment.training_seed;
  spec.initial = static_cast<std::size_t>(experiment.initial);
  spec.task = experiment.task;
  spec.data = std::move(data);
  spec.text = experiment.text;
  return spec;
}

std::vector<study::Objective> search_objectives(const experiment::Experiment& experiment) {
  const experiment::Limits& limits = experiment.limits;
  const auto objective = [](const char* name, const char* unit,
                            const std::optional<experiment::Limit>& limit) {
    study::Objective result{name, unit, std::nullopt, ""};
    result.measure = study::Measure::size;
    if (limit) {
      result.limit = limit->value;
      result.limit_text = limit->text;
    }
    return result;
  };
  std::vector<study::Objective> objectives = {
      objective("error", "", limits.error), objective("rom", "B", limits.rom),
      objective("ram", "B", limits.ram), objective("flops", "FLOPs", limits.flops)};
  if (experiment.instructions) {
    objectives.push_back(objective("instructions", "", limits.instructions));
  }
  objectives[0].measure = study::Measure::share;
  return objectives;
}

study::StudyHeader study_header(const experiment::Experiment& experiment,
                                const data::Dataset& dataset, Device device) {
  if (experiment.space.parameters().empty()) {
    throw UsageError(
        "the experiment has no space to search: add tables such as "
        "[space.training.learning_rate] with low and high");
  }
  // What is made anew is a matter of the task.
  const bool made = experiment.dataset.format == "synthetic";
  return header_of(search_spec(experiment, made ? "" : data::fingerprint(dataset)), device);
}

void keep_sampler(experiment::Experiment& experiment) {
  if (experiment.sampler_named) return;
  const auto study = study::find_study(experiment.store);
  if (study) experiment.sampler = study->header().sampler;
}

int jobs_of(const experiment::Experiment& experiment, const std::vector<Device>& devices) {
  const int count = static_cast<int>(devices.size());
  if (experiment.jobs > 0) return std::max(experiment.jobs, count);
  return devices.front().kind == DeviceKind::cpu ? thread_count() : kJobsOfAGpu * count;
}

std::int64_t lag_of(const experiment::Experiment& experiment, int jobs) {
  if (experiment.lag > 0) return experiment.lag;
  return jobs == 1 ? 1 : kLagOfAJob * jobs;
}

bool run_search(const experiment::Experiment& experiment, data::Dataset dataset,
                study::Study& study, const SearchSetup& setup, std::int64_t trials,
                SearchObserver& observer, std::stop_token stop) {
  return Searcher(experiment, std::move(dataset), study, setup, observer, std::move(stop))
      .run(trials);
}

bool finish_trial(const experiment::Experiment& experiment, data::Dataset dataset,
                  study::Study& study, const SearchSetup& setup, std::int64_t number,
                  SearchObserver& observer, std::stop_token stop) {
  experiment::Experiment alone = experiment;
  alone.jobs = 1;
  SearchSetup on_one = setup;
  on_one.devices.resize(1);
  return Searcher(alone, std::move(dataset), study, on_one, observer, std::move(stop))
      .finish(number);
}

}  // namespace paretiny::search
