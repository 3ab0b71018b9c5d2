// A search over anything that can be measured from outside: the program asks for points and is told
// what came of them, by processes that may be gone in between (docs/cli.md).
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernels/core/device.h"
#include "nas/black_box/tell_step.h"
#include "nas/search/session.h"
#include "nas/study/study.h"

namespace paretiny::black_box {

/// Who holds a trial that was asked for: no process, so none that could be gone.
inline constexpr const char* kAsked = "asked for";
/// Results may take as long as they take.
inline constexpr std::chrono::milliseconds kAskedLease = std::chrono::years(100);

/// What the file of a black box says.
struct BlackBox {
  search::StudySpec study;             ///< sampler and seed aside
  std::optional<std::string> sampler;  ///< where the file names one
  std::optional<std::uint64_t> seed;
  StepRule rule{};  ///< by which trials are stopped early
};

/// Reads a file with [space.*], [objectives.*], [constraints.*], [study] and [sampler]. Throws
/// UsageError with file, line and key for anything unknown, missing or out of range; DataError for
/// a file that cannot be read or parsed.
BlackBox load_black_box(const std::filesystem::path& path);
/// The same from the text that a study kept.
BlackBox parse_black_box(const std::string& text, const std::string& source);

/// What the caller wants of the study, whatever the black box's file says.
struct BlackBoxWish {
  std::optional<std::string> sampler;
  std::optional<std::uint64_t> seed;
};

/// A study with what it is of.
struct OpenBlackBox {
  std::unique_ptr<study::Study> study;
  search::StudySpec spec;
  std::string note{};  ///< what is to be said of it, in a sentence; often nothing
};

/// Opens the study at `location` and checks it, once, or makes it. `box` is needed for a new one
/// and must be what an existing one was made for; without it an existing study tells what it is of.
/// Sampler and seed are the wish's, else those that the study was given when the same file made it,
/// else the file's. Throws UsageError where there is neither a study nor `box`, or the sampler has
/// not such options; StoreError as create_or_open_study does.
OpenBlackBox open_black_box(const study::Location& location, std::optional<BlackBox> box,
                            const BlackBoxWish& wish, Device device);

/// The same of an existing study, for results alone.
std::unique_ptr<study::Study> open_to_tell(const study::Location& location);

}  // namespace paretiny::black_box
