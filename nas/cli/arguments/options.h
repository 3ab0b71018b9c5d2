// What several commands share on the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "engine/data/dataset.h"
#include "nas/experiment/experiment.h"
#include "nas/study/study.h"

namespace paretiny::cli {

/// What --device takes.
inline constexpr const char* kOneDevice = "auto, cpu, cuda or cuda:<index>";
inline constexpr const char* kAnyDevices =
    "auto, cpu, cuda or cuda:<index>; several GPUs: cuda:all, cuda:0,2";

/// EXPERIMENT.toml, --set, --seed and --device.
struct ExperimentOptions {
  std::string path;
  std::vector<std::string> set;
  std::string device = "auto";

  void add_to(CLI::App& command, const char* devices = kOneDevice);
  experiment::Experiment load() const { return experiment::load_experiment(path, set); }
};

/// One line on a data set: "hapt: 6673 + 742 + 2996 samples (...) of 128 steps of 6 channels, 6
/// classes", or of 32x32x3.
std::string describe(const data::Dataset& dataset);

/// What --jobs says: a count, or 0 for "auto". Throws UsageError for other text.
int parse_jobs(const std::string& text);

/// A note where more jobs than processors shall train at a time on the CPU.
void say_crowded(int jobs, Device device);

/// What its reader found odd, a line each on standard error.
void say_notes(const data::Dataset& dataset);

/// The front as an aligned table, by the first objective; says so when it is empty.
std::string front_table(const std::vector<study::Objective>& objectives,
                        const std::vector<study::Trial>& trials);

}  // namespace paretiny::cli
