#include "nas/reproduce/folder.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <nlohmann/json.hpp>
#include <system_error>
#include <tuple>

#include "base/error.h"
#include "base/text_file.h"
#include "base/version.h"
#include "nas/report/whole_file.h"
#include "nas/study/study_json.h"

namespace paretiny::reproduce {
namespace {

using nlohmann::json;

constexpr const char* kRecord = "comparison.json";
constexpr const char* kLock = "lock";
constexpr int kRecordVersion = 1;

/// "reproduce daliac --budget cpu on dsads-subset"
std::string described(const Recipe& recipe) {
  return fmt::format("reproduce {} --budget {}{}{}", recipe.task, recipe.budget,
                     recipe.data.empty() ? "" : " on ", recipe.data);
}

/// Whether there is nothing in the folder but what making it may have left.
bool is_fresh(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return true;
  if (!std::filesystem::is_directory(path)) return false;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("experiment.toml") && !name.starts_with(kRecord) && name != kLock) {
      return false;
    }
  }
  return true;
}

Recipe read_record(const std::filesystem::path& file) {
  try {
    const json form = json::parse(read_text(file).value_or(""));
    if (form.at("version").get<int>() != kRecordVersion) {
      throw DataError(fmt::format("'{}' is of another version of the program", file.string()));
    }
    Recipe recipe =
        recipe_of(form.at("task").get<std::string>(), form.at("budget").get<std::string>(),
                  form.at("data").get<std::string>());
    recipe.set = form.at("set").get<std::vector<std::string>>();
    recipe.trials = form.at("trials").get<std::int64_t>();
    return recipe;
  } catch (const json::exception&) {
    throw DataError(fmt::format("'{}' is damaged; put a copy back", file.string()));
  }
}

/// The run that a study's file is of: SAMPLER-SEED.sqlite.
std::optional<ComparisonRun> run_of(const std::filesystem::path& file) {
  if (file.extension() != ".sqlite") return std::nullopt;
  const std::string stem = file.stem().string();
  const std::size_t dash = stem.rfind('-');
  if (dash == std::string::npos || dash == 0) return std::nullopt;
  ComparisonRun run{stem.substr(0, dash), 0};
  const char* last = stem.data() + stem.size();
  const auto [end, error] = std::from_chars(stem.data() + dash + 1, last, run.seed);
  if (error != std::errc{} || end != last) return std::nullopt;
  return run;
}

}  // namespace

std::string to_string(const ComparisonRun& run) {
  return fmt::format("{} seed {}", run.sampler, run.seed);
}

ComparisonFolder::ComparisonFolder(std::filesystem::path path, Recipe recipe)
    : path_(std::move(path)), recipe_(std::move(recipe)) {}

std::optional<ComparisonFolder> ComparisonFolder::find(const std::filesystem::path& path) {
  std::error_code unknown;
  if (!std::filesystem::is_regular_file(path / kRecord, unknown)) return std::nullopt;
  return ComparisonFolder(path, read_record(path / kRecord));
}

ComparisonFolder ComparisonFolder::open_for(const std::filesystem::path& path,
                                            const Recipe& recipe) {
  if (std::optional<ComparisonFolder> there = find(path)) {
    const Recipe& old = there->recipe();
    if (described(old) != described(recipe)) {
      throw UsageError(fmt::format("'{}' holds the runs of '{}', not of '{}'; name another folder",
                                   path.string(), described(old), described(recipe)));
    }
    return *std::move(there);
  }
  if (!is_fresh(path)) {
    throw UsageError(fmt::format(
        "'{}' holds something else than the runs of a comparison; name a new or an empty folder",
        path.string()));
  }
  report::make_folder(path);
  ComparisonFolder made(path, recipe);
  if (recipe.problem.empty()) report::write_whole(made.experiment(), recipe.experiment);
  made.write();  // last: with it the folder is a comparison's
  return made;
}

void ComparisonFolder::set_trials(std::int64_t trials) {
  if (trials == recipe_.trials) return;
  if (trials < recipe_.trials && !begun().empty()) {
    throw UsageError(
        fmt::format("the runs in '{}' have {} trials each; --trials may raise that, not lower it",
                    path_.string(), recipe_.trials));
  }
  recipe_.trials = trials;
  write();
}

std::filesystem::path ComparisonFolder::study(const ComparisonRun& run) const {
  return path_ / "studies" / fmt::format("{}-{}.sqlite", run.sampler, run.seed);
}

std::vector<ComparisonRun> ComparisonFolder::begun() const {
  std::vector<ComparisonRun> runs;
  std::error_code unknown;
  for (const auto& entry : std::filesystem::directory_iterator(path_ / "studies", unknown)) {
    if (const std::optional<ComparisonRun> run = run_of(entry.path())) runs.push_back(*run);
  }
  std::ranges::sort(runs, {},
                    [](const ComparisonRun& run) { return std::tuple(run.seed, run.sampler); });
  return runs;
}

void ComparisonFolder::write() const {
  const json form = {{"version", kRecordVersion},    {"task", recipe_.task},
                     {"budget", recipe_.budget},     {"data", recipe_.data},
                     {"set", recipe_.set},           {"trials", recipe_.trials},
                     {"program", program_version()}, {"commit", program_commit()}};
  report::write_whole(path_ / kRecord, form.dump(2) + "\n");
}

FolderLock::FolderLock(const ComparisonFolder& folder) {
  const std::string path = (folder.path() / kLock).string();
  file_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (file_ < 0) {
    const std::error_code error(errno, std::generic_category());
    throw DataError(fmt::format("'{}' cannot be written: {}", path, error.message()));
  }
  if (flock(file_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  close(file_);
  throw UsageError(fmt::format(
      "another process is at work in '{}'; wait for its end, draw what is there with --draw, or "
      "name another folder",
      folder.path().string()));
}

FolderLock::~FolderLock() {
  close(file_);
}

}  // namespace paretiny::reproduce
