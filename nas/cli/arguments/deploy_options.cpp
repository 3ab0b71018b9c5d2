#include "nas/cli/arguments/deploy_options.h"

#include <fmt/core.h>

#include "base/error.h"
#include "engine/deploy/formats/model_file.h"
#include "nas/cli/arguments/whole_number.h"
#include "nas/experiment/experiment.h"
#include "nas/experiment/targets.h"
#include "nas/summary/format.h"
#include "nas/summary/summary.h"

namespace paretiny::cli {
NamedModel trial_model(study::Study& study, const std::string& path, std::int64_t number) {
  if (number < 0 || number >= study.trial_count()) {
    throw UsageError(fmt::format("the study '{}' has no trial {}; it has {} trials, from 0", path,
                                 number, study.trial_count()));
  }
  const std::vector<std::uint8_t> bytes = study.model(number);
  const std::string name = fmt::format("trial {}", number);
  if (bytes.empty()) {
    const study::Trial trial = study.trials()[static_cast<std::size_t>(number)];
    throw UsageError(fmt::format("{} has no model: it is {}{}", name, to_string(trial.state),
                                 trial.reason.empty() ? "" : " (" + trial.reason + ")"));
  }
  return {name, study.header().name,
          deploy::model_from_bytes(bytes, fmt::format("{}, {}", path, name))};
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

deploy::Target DeployOptions::find() const {
  return experiment::find_target(target, targets);
}

deploy::Kernels DeployOptions::kernels_to_call() const {
  return kernels == "own" ? deploy::Kernels::own : deploy::Kernels::cmsis_nn;
}

std::optional<deploy::CmsisNnLibrary> DeployOptions::library() const {
  if (cmsis_nn.empty()) return {};
  if (kernels_to_call() == deploy::Kernels::own) {
    throw UsageError("--cmsis-nn belongs to --kernels cmsis-nn");
  }
  return deploy::find_cmsis_nn(cmsis_nn);
}

std::optional<data::Samples> DeployOptions::samples() const {
  if (data.empty()) return {};
  return data::load_dataset(experiment::load_experiment(data).dataset).test;
}

NamedModel DeployOptions::one() const {
  if (study.empty() == model.empty()) {
    throw UsageError(
        "name either a study, with --trial N or without, or a model with --model FILE");
  }
  if (!model.empty()) {
    if (trial) throw UsageError("--trial belongs to a study, not to --model");
    deploy::DeployedModel loaded = deploy::load_model(model);
    std::string study_name = loaded.name;
    return {std::filesystem::path(model).filename().string(), std::move(study_name),
            std::move(loaded)};
  }
  const auto opened = study::open_study(study);
  if (trial) return trial_model(*opened, study, *trial);
  const std::vector<study::Trial> trials = opened->trials();
  const auto best = summary::summarise(opened->header().objectives, trials).best;
  if (!best) {
    throw UsageError(fmt::format(
        "no network of the study '{}' is inside the limits: name a trial, --trial N", study));
  }
  return trial_model(*opened, study, trials[*best].number);
}

std::vector<NamedModel> DeployOptions::all() const {
  if (study.empty() || trial) return {one()};
  if (!model.empty()) return {one()};  // says that it is one or the other
  const auto opened = study::open_study(study);
  const std::vector<study::Trial> trials = opened->trials();
  std::vector<NamedModel> models;
  for (const std::size_t index : summary::summarise(opened->header().objectives, trials).front) {
    models.push_back(trial_model(*opened, study, trials[index].number));
  }
  if (models.empty()) throw UsageError("no trial of the study has finished inside the limits");
  return models;
}

void check_fits(const deploy::Footprint& size, const deploy::Target& target) {
  const auto check = [&](const char* memory, std::int64_t needs, std::int64_t has) {
    if (has == 0 || needs <= has) return;
    throw UsageError(fmt::format("the network needs {} of {} and {} has {}: {} too much",
                                 summary::format_bytes(static_cast<double>(needs)), memory,
                                 target.board, summary::format_bytes(static_cast<double>(has)),
                                 summary::format_bytes(static_cast<double>(needs - has))));
  };
  check("flash", size.rom(), target.flash_bytes);
  check("RAM", size.ram(), target.ram_bytes);
}

}  // namespace paretiny::cli
