// What export and verify share on the command line: which models, for which target.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/deploy/code/cmsis_nn.h"
#include "engine/deploy/deployed_model.h"
#include "engine/deploy/plan/target.h"
#include "nas/study/study.h"

namespace paretiny::cli {

/// A model and what to call it in a table: "trial 7", or a file's name.
struct NamedModel {
  std::string name;
  std::string study;  ///< its name; of a file, what the model is called in it
  deploy::DeployedModel model;
};

struct DeployOptions {
  std::string study;
  std::string model;  ///< file, in place of a study
  std::optional<std::int64_t> trial;
  std::string target = "cortex-m4";
  std::string targets;  ///< a user's file of boards
  std::string kernels = "own";
  std::string cmsis_nn;  ///< folder of CMSIS-NN
  std::string data;      ///< an experiment's file, for its data set

  void add_to(CLI::App& command);

  deploy::Target find() const;
  deploy::Kernels kernels_to_call() const;
  /// Nothing when no folder is named. Throws UsageError for one that our own kernels do not need or
  /// that is not CMSIS-NN, built.
  std::optional<deploy::CmsisNnLibrary> library() const;
  /// Test samples of the experiment's data set; nothing when none is named: inputs are random.
  std::optional<data::Samples> samples() const;
  /// The trial named, else the most accurate of the study's front; or the one file. Throws
  /// UsageError when neither a study nor a file is given or both are, when the trial has no model,
  /// or when none is named and the front is empty.
  NamedModel one() const;
  /// The same, or every trial of the study's front.
  std::vector<NamedModel> all() const;
};

/// The model of a study's trial. Throws UsageError when there is none. `path` names the study.
NamedModel trial_model(study::Study& study, const std::string& path, std::int64_t number);

/// Throws UsageError, saying which memory and by how much, when what is known of the network's size
/// is too large.
void check_fits(const deploy::Footprint& size, const deploy::Target& target);

}  // namespace paretiny::cli
