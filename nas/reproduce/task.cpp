#include "nas/reproduce/task.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/error.h"
#include "base/nearest.h"
#include "nas/reproduce/experiments.h"

namespace paretiny::reproduce {
namespace {

const std::vector<std::string> kPaperSamplers{"ars",   "ars+",  "turbo", "qparego",
                                              "morbo", "nsga2", "random"};

void check_known(const char* what, const std::string& name, const std::vector<std::string>& names) {
  if (std::ranges::find(names, name) != names.end()) return;
  throw UsageError(fmt::format("there is no {} '{}'{}", what, name, suggestion(name, names)));
}

const char* const kSpaceUnknown =
    "The paper's table of the search space is not public: of its values, only epochs of about 50 "
    "to 100 and a final sparsity of about 0.4 to 0.9 are known; the other ranges are ours.";
const char* const kAnswersUnknown =
    "The paper's constants of ARS-MOBOpt are not public; ours are in docs/samplers.md.";
const char* const kReadOff =
    "The paper's values are read off its plots and its poster: two or three digits, without the "
    "spread of its seeds.";

void add_cifar10(Recipe& recipe) {
  recipe.title = "ResNet-18 on CIFAR-10";
  recipe.experiment = kCifar10Experiment;
  recipe.figures = {{"ars", .545},  {"turbo", .495}, {"qparego", .483},
                    {"morbo", .44}, {"nsga2", .43},  {"random", .395}};
  recipe.points = {{1 - .900, 337e3, 40e3, 400e6}, {1 - .846, 72e3, 29e3, 165e6},
                   {1 - .81, 62e3, 21e3, 109e6},   {1 - .76, 34e3, 25e3, 90e6},
                   {1 - .728, 30e3, 21e3, 71e6},   {1 - .43, 18e3, 14.1e3, 22e6}};
  recipe.differences = {
      kSpaceUnknown, kAnswersUnknown, kReadOff,
      ("ROM and RAM are those of the C code that this program writes, with an int8 input; the "
       "paper's least RAM of 14.1 KB looks like an fp32 input buffer."),
      "Accuracy as an objective is that of a validation split of a tenth of the training images."};
  if (recipe.budget == "paper") return;
  recipe.trials = 40;
  recipe.samplers = {"ars", "ars+", "qparego", "random"};
  recipe.set = {"study.initial=12",
                "dataset.limit=3000",
                "dataset.validation=0.05",
                "space.model.width.low=0.0625",
                "space.model.width.high=0.25",
                "space.training.epochs.low=3",
                "space.training.epochs.high=6",
                "space.training.batch.choices=[32, 64, 128]",
                "space.pruning.every.high=2"};
  recipe.differences.back() =
      "Accuracy as an objective is that of a validation split of a twentieth of the training "
      "images.";
  recipe.differences.insert(
      recipe.differences.begin(),
      "Sized for two CPU cores: 3,000 training images instead of 45,000, 3 to 6 epochs instead of "
      "50 to 100, a sixteenth to a quarter of the width instead of a quarter to all, batches of 32 "
      "to 128, 40 trials instead of 150, three seeds instead of five, and fewer samplers. So "
      "accuracies, and with them hypervolumes, are far below the paper's.");
}

void add_daliac(Recipe& recipe) {
  recipe.title = "MobileNetV3 on DaLiAc";
  recipe.experiment = kDaliacExperiment;
  recipe.figures = {{"ars", .475},  {"turbo", .425}, {"qparego", .46},
                    {"morbo", .41}, {"nsga2", .405}, {"random", .39}};
  recipe.points = {{1 - .949, 321e3, 100.8e3, 245e6}};
  recipe.differences = {
      kSpaceUnknown, kAnswersUnknown, kReadOff,
      ("ROM and RAM are those of the C code that this program writes, with an int8 input; the "
       "paper's least RAM of 98.5 KB looks like an fp32 input buffer."),
      "DaLiAc prescribes no split into training and test people; ours is in docs/datasets.md."};
  const bool stand_in = recipe.data == "dsads-subset";
  if (recipe.budget == "cpu" || stand_in) {
    recipe.set = {"model.head=64",
                  "space.model.width.low=0.1",
                  "space.model.width.high=0.6",
                  "space.model.blocks.low=3",
                  "space.model.blocks.high=9",
                  "space.training.batch.choices=[16, 32, 64, 128]",
                  "space.pruning.every.high=3",
                  "space.pruning.sparsity.low=0.1"};
    recipe.differences.insert(
        recipe.differences.begin(),
        "Smaller networks: a tenth to six tenths of the width, 3 to 9 blocks "
        "of 11, a head of 64 units, batches of 16 to 128, sparsity from 0.1.");
  }
  if (recipe.budget == "cpu") {
    for (const char* setting : {"study.initial=12", "dataset.limit=1500",
                                "space.training.epochs.low=8", "space.training.epochs.high=16"}) {
      recipe.set.emplace_back(setting);
    }
    recipe.trials = 60;
    recipe.samplers = {"ars", "ars+", "turbo", "qparego", "morbo", "random"};
    recipe.differences.insert(
        recipe.differences.begin(),
        "Sized for two CPU cores: at most 1,500 training windows, 8 to 16 epochs instead of 50 to "
        "100, 60 trials instead of 150, three seeds instead of five.");
  }
  if (!stand_in) return;
  recipe.title = "MobileNetV3 on a subset of Daily and Sports Activities, in place of DaLiAc";
  for (const char* setting :
       {"dataset.format=npy", "dataset.x=dsads_subset_x.npy", "dataset.y=dsads_subset_y.npy",
        "dataset.layout=nct", "dataset.label_column=0", "dataset.group_column=1",
        "dataset.test_subjects=\"7,8\"", "dataset.validation=0.17", "training.shift=60",
        "training.label_smoothing=0.1", "constraints.rom=100 KB", "constraints.ram=12 KB",
        "constraints.flops=1 MFLOPs"}) {
    recipe.set.emplace_back(setting);
  }
  recipe.points.clear();
  recipe.differences.pop_back();
  recipe.differences.insert(
      recipe.differences.begin(),
      "Another data set: DaLiAc's files are not here, so a subset of Daily and Sports Activities "
      "stands in (19 activities, 30 channels, windows of 125 samples instead of 1,024 of 24 "
      "channels). Limits are smaller by as much as its networks are: 100 KB of ROM, 12 KB of RAM "
      "and 1 MFLOPs instead of 1000 KB, 256 KB and 1 GFLOPs. So the paper's hypervolumes are shown "
      "for their order alone, and its networks not at all.");
}

void add_synthetic(Recipe& recipe) {
  recipe.title = "A two-dimensional example";
  recipe.problem = "Synthetic2D";
  recipe.differences = {
      kAnswersUnknown,
      "Of the paper's two-dimensional example only the square [0, 32]^2 and the minimum at (15, 5) "
      "are known; the function is ours (docs/cli.md), and there are no values to compare with.",
      "The hypervolume is the share of what the reference point (22, 1) allows."};
}

bool holds(const std::filesystem::path& folder, const char* name) {
  for (const char* suffix : {"", ".xz", ".gz"}) {
    std::error_code unknown;
    if (std::filesystem::is_regular_file(folder / (std::string(name) + suffix), unknown)) {
      return true;
    }
  }
  return false;
}

/// A data set, a file that shows that it is there, and how to get it.
struct DataKind {
  const char* name;
  std::vector<const char*> signs;
  const char* source;
};

std::vector<DataKind> data_kinds(const std::string& task) {
  if (task == "cifar10") {
    return {{"cifar10",
             {"data_batch_1.bin", "cifar-10-batches-bin/data_batch_1.bin"},
             "CIFAR-10 comes with scripts/get_data cifar10"}};
  }
  return {
      {"daliac", {"dataset_1.txt"}, "DaLiAc comes from its authors (docs/datasets.md)"},
      {"dsads-subset", {"dsads_subset_x.npy"}, "its stand-in with scripts/get_data dsads-subset"}};
}

}  // namespace

std::vector<std::string> reproduction_tasks() {
  return {"cifar10", "daliac", "synthetic2d"};
}

std::vector<std::string> reproduction_budgets() {
  return {"paper", "cpu"};
}

Recipe recipe_of(const std::string& task, const std::string& budget, const std::string& data) {
  check_known("task", task, reproduction_tasks());
  check_known("budget", budget, reproduction_budgets());
  Recipe recipe;
  recipe.task = task;
  recipe.budget = budget;
  recipe.data = data;
  recipe.trials = kPaperSamples;
  recipe.samplers = kPaperSamplers;
  recipe.first_seed = 0;
  recipe.last_seed = budget == "paper" ? 4 : 2;
  if (task == "cifar10") {
    add_cifar10(recipe);
  } else if (task == "daliac") {
    add_daliac(recipe);
  } else {
    add_synthetic(recipe);
  }
  // What a training draws follows from the candidate, so that runs can share evaluations.
  if (recipe.problem.empty()) recipe.set.emplace_back("study.training_seed=0");
  return recipe;
}

FoundData find_data(const std::string& task, const std::filesystem::path& wanted,
                    const std::string& only) {
  if (task == "synthetic2d") return {};
  std::string looked;
  std::string sources;
  for (const DataKind& kind : data_kinds(task)) {
    if (!only.empty() && only != kind.name) continue;
    const std::filesystem::path folder =
        wanted.empty() ? std::filesystem::path("data") / kind.name : wanted;
    for (const char* sign : kind.signs) {
      if (holds(folder, sign)) return {kind.name, folder};
    }
    looked += fmt::format("{}{} in '{}'", looked.empty() ? "" : " nor ", kind.signs.front(),
                          folder.string());
    sources += fmt::format("{}{}", sources.empty() ? "" : ", ", kind.source);
  }
  throw DataError(
      fmt::format("there is no {}: {}; name their folder with --data", looked, sources));
}

}  // namespace paretiny::reproduce
