// What the paper compared samplers on, as far as it is public, and how that is done here: its two
// searches and its two-dimensional example, each with the paper's budget or one for two CPU cores.
//
// Paper: Deutel, Kontes, Mutschler and Teich, "Combining Multi-Objective Bayesian Optimization with
// Reinforcement Learning for TinyML" (arXiv 2305.14109; ACM TELO 2025).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace paretiny::reproduce {

/// Hypervolume that the paper's plots show after its 150 samples, mean of 5 seeds.
struct PaperFigure {
  std::string sampler;  ///< as we call it
  double hypervolume = 0;
};

/// A network of the paper's front: error, ROM and RAM in bytes, FLOPs.
using PaperPoint = std::vector<double>;

inline constexpr std::int64_t kPaperSamples = 150;

/// A comparison, ready to be run but for its data's folder.
struct Recipe {
  std::string task;    ///< "cifar10", "daliac", "synthetic2d"
  std::string budget;  ///< "paper", "cpu"
  std::string data;    ///< "cifar10", "daliac", "dsads-subset", or "" where none is needed
  std::string title;   ///< "ResNet-18 on CIFAR-10"
  /// The experiment (docs/experiments.md) and what is set over it; a problem has none.
  std::string experiment;
  std::vector<std::string> set;
  std::string problem;  ///< of nas/problems, where there is no experiment
  std::int64_t trials = 0;
  std::vector<std::string> samplers;
  std::uint64_t first_seed = 0, last_seed = 0;
  std::vector<PaperFigure> figures;      ///< of the paper
  std::vector<PaperPoint> points;        ///< of the paper's front
  std::vector<std::string> differences;  ///< from the paper, a sentence each
};

std::vector<std::string> reproduction_tasks();
std::vector<std::string> reproduction_budgets();

/// Throws UsageError, naming the nearest, for an unknown task or budget. `data` is of find_data.
Recipe recipe_of(const std::string& task, const std::string& budget, const std::string& data);

/// A data set that a task can be run on, and the folder that its files are in.
struct FoundData {
  std::string name;  ///< as Recipe::data
  std::filesystem::path folder;
};

/// The files of the task's data in `wanted` or, where that is empty, in the places that
/// scripts/get_data fills; DaLiAc before its stand-in, or `only` the set of that name. Throws
/// DataError, saying how to get them, where there are none.
FoundData find_data(const std::string& task, const std::filesystem::path& wanted,
                    const std::string& only = "");

}  // namespace paretiny::reproduce
