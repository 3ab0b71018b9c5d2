#include "nas/search/evaluation/candidate.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "engine/compress/channel_groups.h"
#include "engine/compress/fold_batch_norm.h"
#include "engine/train/evaluate.h"
#include "kernels/core/random.h"

namespace paretiny::search {
namespace {

/// Canonical text of everything a training run depends on.
std::string canonical(const experiment::CandidateSpec& spec, const graph::Graph& graph,
                      const graph::Graph& final_graph) {
  const compress::PruningSpec& p = spec.pruning;
  nlohmann::json form = {{"graph", to_json(graph)}, {"final", to_json(final_graph)}};
  form["training"] = to_json(spec.training);
  // Without anything to remove, how it would be removed makes no difference.
  if (graph != final_graph) {
    form["pruning"] = {name_of(p.schedule), name_of(p.criterion), p.begin, p.end, p.every};
  }
  const compress::CalibrationSpec& c = spec.calibration;
  form["quantization"] = {c.samples, name_of(c.method), c.percentile};
  const train::FineTuneSpec& tuning = spec.fine_tune;
  if (tuning.epochs > 0) form["fine_tune"] = {tuning.epochs, tuning.learning_rate};
  return form.dump();
}

/// The integer form of what training leaves, which is first trained on for it if that is wanted.
compress::Int8Network quantize_candidate(Stream& stream, const data::ResidentDataset& data,
                                         const experiment::CandidateSpec& spec, std::uint64_t seed,
                                         std::stop_token stop, train::TrainingResult& trained) {
  const graph::Network folded = compress::fold_batch_norm(trained.network);
  const std::vector<compress::ValueRange> ranges =
      compress::calibrate(stream, folded, data, spec.calibration, seed, stop);
  if (spec.fine_tune.epochs == 0) return compress::quantize(folded, ranges);
  const train::TrainingResult tuned =
      train::fine_tune(stream, data, folded, ranges, spec.training, spec.fine_tune, seed, stop);
  trained.planned_bytes = std::max(trained.planned_bytes, tuned.planned_bytes);
  return compress::quantize(tuned.network, ranges);
}

}  // namespace

Sketch sketch(const experiment::CandidateSpec& spec, const data::Dataset& dataset,
              deploy::CoreClass core) {
  Sketch result{spec, {}, {}, {}, 0};
  result.spec.model.input = dataset.sample();
  result.spec.model.classes = static_cast<std::int64_t>(dataset.classes.size());
  result.graph = models::build_model(result.spec.model);
  const compress::ChannelGroups groups(result.graph);
  const double progress = spec.pruning.schedule == compress::PruningSchedule::none ? 0 : 1;
  result.final_graph = compress::with_group_channels(
      result.graph, groups, compress::channels_left(result.graph, groups, spec.pruning, progress));
  result.footprint = deploy::footprint(result.final_graph, core);
  result.hash = random_key(0, canonical(result.spec, result.graph, result.final_graph));
  return result;
}

std::size_t planned_bytes(Stream& stream, const data::ResidentDataset& data, const Sketch& sketch) {
  const experiment::CandidateSpec& spec = sketch.spec;
  std::size_t most = train::training_bytes(stream, data, sketch.graph, spec.training, spec.pruning);
  const graph::ParameterLayout layout(sketch.final_graph);
  const graph::Network final_network{sketch.final_graph,
                                     graph::initial_parameters(sketch.final_graph, layout, 0)};
  if (spec.fine_tune.epochs > 0) {
    most = std::max(most,
                    train::fine_tuning_bytes(stream, data, compress::fold_batch_norm(final_network),
                                             spec.training, spec.fine_tune));
  }
  // Measured in f32, whatever it was trained in.
  const train::Evaluator measured(sketch.final_graph, layout,
                                  std::max(data.validation.size, data.test.size), DType::f32,
                                  stream);
  return std::max(most, measured.arena_bytes() + measured.scratch_bytes(stream));
}

CandidateResult evaluate_candidate(Stream& stream, const data::ResidentDataset& data,
                                   const Sketch& sketch, std::uint64_t seed,
                                   const std::function<void(const train::EpochReport&)>& report,
                                   std::stop_token stop, const train::Continuation& continuation) {
  const auto started = std::chrono::steady_clock::now();
  train::TrainingResult trained =
      train::train(stream, data, sketch.graph, sketch.spec.training, sketch.spec.pruning, seed,
                   report, stop, continuation);
  CandidateResult result;
  result.int8 = quantize_candidate(stream, data, sketch.spec, seed, stop, trained);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  const data::ResidentSplit& selection = data.validation.size > 0 ? data.validation : data.test;
  result.training_seconds = took.count();
  result.planned_bytes = trained.planned_bytes;
  const auto of_float = [&](const data::ResidentSplit& split) {
    return train::evaluate(stream, trained.network, data, split, DType::f32, stop).accuracy;
  };
  const auto of_int8 = [&](const data::ResidentSplit& split) {
    return train::int8_accuracy(stream, result.int8, data, split, stop);
  };
  result.float_accuracy = of_float(selection);
  result.int8_accuracy = of_int8(selection);
  if (data.test.size > 0) {
    result.float_test_accuracy = of_float(data.test);
    result.int8_test_accuracy = of_int8(data.test);
  }
  result.network = std::move(trained.network);
  return result;
}

deploy::DeployedModel deployed_model(const std::string& name, const compress::Int8Network& int8,
                                     const data::Dataset& dataset) {
  return {name, int8, dataset.classes, dataset.scale, dataset.shift};
}

std::map<std::string, double> metrics_of(const Sketch& sketch) {
  const deploy::Footprint& f = sketch.footprint;
  return {{"parameters", static_cast<double>(f.parameters)},
          {"macs", static_cast<double>(f.macs)},
          {"rom_constants", static_cast<double>(f.rom_constants)},
          {"instructions", static_cast<double>(f.instructions)},
          {"ram_arena", static_cast<double>(f.ram_arena)}};
}

std::map<std::string, double> metrics_of(const Sketch& sketch, const CandidateResult& result) {
  std::map<std::string, double> metrics = metrics_of(sketch);
  metrics["accuracy_float"] = result.float_accuracy;
  metrics["accuracy_int8"] = result.int8_accuracy;
  metrics["test_accuracy_float"] = result.float_test_accuracy;
  metrics["test_accuracy_int8"] = result.int8_test_accuracy;
  metrics["training_seconds"] = result.training_seconds;
  metrics["planned_bytes"] = static_cast<double>(result.planned_bytes);
  return metrics;
}

}  // namespace paretiny::search
