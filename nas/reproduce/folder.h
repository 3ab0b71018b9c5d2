// The folder of a comparison: what it is of, one study a run, the evaluations that they share, and
// what is drawn from them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "nas/reproduce/task.h"

namespace paretiny::reproduce {

/// One sampler with one seed.
struct ComparisonRun {
  std::string sampler;
  std::uint64_t seed = 0;

  friend bool operator==(const ComparisonRun&, const ComparisonRun&) = default;
};

/// "ars+ seed 1"
std::string to_string(const ComparisonRun& run);

/// Files: comparison.json (what it is of), experiment.toml, studies/SAMPLER-SEED.sqlite,
/// evaluations/, and what is drawn.
class ComparisonFolder {
 public:
  /// The one at `path`; nothing where there is none. Throws DataError for a damaged one.
  static std::optional<ComparisonFolder> find(const std::filesystem::path& path);
  /// The same, made for `recipe` where the folder is new or empty. Throws UsageError for a folder
  /// of something else, of another task, budget or data; DataError where it cannot be written.
  static ComparisonFolder open_for(const std::filesystem::path& path, const Recipe& recipe);

  /// What it is of, as it was made: an experiment of an earlier program stays as it was.
  const Recipe& recipe() const { return recipe_; }
  /// Trials that each run shall have. Throws UsageError for fewer than the runs were begun with.
  void set_trials(std::int64_t trials);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path experiment() const { return path_ / "experiment.toml"; }
  std::filesystem::path evaluations() const { return path_ / "evaluations"; }
  std::filesystem::path study(const ComparisonRun& run) const;
  /// Those that have been begun, by seed, then by name.
  std::vector<ComparisonRun> begun() const;

 private:
  ComparisonFolder(std::filesystem::path path, Recipe recipe);
  void write() const;

  std::filesystem::path path_;
  Recipe recipe_;
};

/// Held by the process that runs a comparison; the kernel lets it go when that ends, however it
/// ends.
class FolderLock {
 public:
  /// Throws UsageError when another process holds it.
  explicit FolderLock(const ComparisonFolder& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int file_ = -1;
};

}  // namespace paretiny::reproduce
