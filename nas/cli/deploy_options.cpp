#include "nas/cli/deploy_options.h"

#include <fmt/core.h>

#include "base/error.h"
#include "engine/deploy/formats/model_file.h"
#include "nas/cli/whole_number.h"
#include "nas/experiment/experiment.h"
#include "nas/experiment/targets.h"
#include "nas/summary/format.h"
#include "nas/summary/summary.h"

namespace paretiny {
NamedModel trial_model(Study& study, const std::string& path, std::int64_t number) {
  if (number < 0 || number >= study.trial_count()) {
    throw UsageError(fmt::format("the study '{}' has no trial {}; it has {} trials, from 0", path,
                                 number, study.trial_count()));
  }
  const std::vector<std::uint8_t> bytes = study.model(number);
  const std::string name = fmt::format("trial {}", number);
  if (bytes.empty()) {
    const Trial trial = study.trials()[static_cast<std::size_t>(number)];
    throw UsageError(fmt::format("{} has no model: it is {}{}", name, to_string(trial.state),
                                 trial.reason.empty() ? "" : " (" + trial.reason + ")"));
  }
  return {name, study.header().name, model_from_bytes(bytes, fmt::format("{}, {}", path, name))};
}

void DeployOptions::add_to(CLI::App& command) {
  command.add_option("study", study, "the study's file");
  command.add_option("--trial", trial, "number of the trial")
      ->transform(whole_number(INT64_MIN, INT64_MAX));
  command.add_option("--model", model, "a model's file, in place of a study and trial");
  command.add_option("--target", target, "a core or a board (docs/deployment.md)")
      ->capture_default_str();
  command.add_option("--targets", targets, "a TOML file with further boards");
  command.add_option("--kernels", kernels, "own, or cmsis-nn: C code that calls Arm's CMSIS-NN")
      ->check(CLI::IsMember({"own", "cmsis-nn"}))
      ->capture_default_str();
  command.add_option("--cmsis-nn", cmsis_nn,
                     "folder of CMSIS-NN, with libcmsis-nn.a built for the target in it");
  command.add_option(
      "--data", data,
      "an experiment: runs take the test samples of its data set, not random inputs");
}

Target DeployOptions::find() const {
  return find_target(target, targets);
}

Kernels DeployOptions::kernels_to_call() const {
  return kernels == "own" ? Kernels::own : Kernels::cmsis_nn;
}

std::optional<CmsisNnLibrary> DeployOptions::library() const {
  if (cmsis_nn.empty()) return {};
  if (kernels_to_call() == Kernels::own) {
    throw UsageError("--cmsis-nn belongs to --kernels cmsis-nn");
  }
  return find_cmsis_nn(cmsis_nn);
}

std::optional<Samples> DeployOptions::samples() const {
  if (data.empty()) return {};
  return load_dataset(load_experiment(data).dataset).test;
}

NamedModel DeployOptions::one() const {
  if (study.empty() == model.empty()) {
    throw UsageError(
        "name either a study, with --trial N or without, or a model with --model FILE");
  }
  if (!model.empty()) {
    if (trial) throw UsageError("--trial belongs to a study, not to --model");
    DeployedModel loaded = load_model(model);
    std::string study_name = loaded.name;
    return {std::filesystem::path(model).filename().string(), std::move(study_name),
            std::move(loaded)};
  }
  const auto opened = open_study(study);
  if (trial) return trial_model(*opened, study, *trial);
  const std::vector<Trial> trials = opened->trials();
  const auto best = summarise(opened->header().objectives, trials).best;
  if (!best) {
    throw UsageError(fmt::format(
        "no network of the study '{}' is inside the limits: name a trial, --trial N", study));
  }
  return trial_model(*opened, study, trials[*best].number);
}

std::vector<NamedModel> DeployOptions::all() const {
  if (study.empty() || trial) return {one()};
  if (!model.empty()) return {one()};  // says that it is one or the other
  const auto opened = open_study(study);
  const std::vector<Trial> trials = opened->trials();
  std::vector<NamedModel> models;
  for (const std::size_t index : summarise(opened->header().objectives, trials).front) {
    models.push_back(trial_model(*opened, study, trials[index].number));
  }
  if (models.empty()) throw UsageError("no trial of the study has finished inside the limits");
  return models;
}

void check_fits(const Footprint& size, const Target& target) {
  const auto check = [&](const char* memory, std::int64_t needs, std::int64_t has) {
    if (has == 0 || needs <= has) return;
    throw UsageError(fmt::format("the network needs {} of {} and {} has {}: {} too much",
                                 format_bytes(static_cast<double>(needs)), memory, target.board,
                                 format_bytes(static_cast<double>(has)),
                                 format_bytes(static_cast<double>(needs - has))));
  };
  check("flash", size.rom(), target.flash_bytes);
  check("RAM", size.ram(), target.ram_bytes);
}

}  // namespace paretiny
