// A search over anything that can be measured from outside: the program asks for points and is told
// what came of them, by processes that may be gone in between (docs/cli.md).
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kernels/device.h"
#include "nas/study/study.h"

namespace paretiny {

/// What the file of a black box says.
struct BlackBox {
  std::string name;
  Space space;
  std::vector<Objective> objectives;
  std::vector<Constraint> constraints;
  std::optional<std::string> sampler;
  std::optional<std::uint64_t> seed;
  std::size_t initial = 10;
  std::map<std::string, double> options;  ///< of the sampler
  std::string task;                       ///< canonical text of `initial` and `options`
  std::string text;                       ///< the file as written
};

/// Reads a file with [space.*], [objectives.*], [constraints.*], [study] and [sampler]. Throws
/// UsageError with file, line and key for anything unknown, missing or out of range; DataError for
/// a file that cannot be read or parsed.
BlackBox load_black_box(const std::filesystem::path& path);
/// The same from the text that a study kept.
BlackBox parse_black_box(const std::string& text, const std::string& source);

/// Opens the study at `path`, or creates it, for what `box` says; of an existing study, sampler and
/// seed need not be given. Throws StoreError as create_or_open_study does.
std::unique_ptr<Study> open_black_box(const std::filesystem::path& path, BlackBox& box,
                                      Device device);

/// Suggests `count` trials, one after the other, and marks them as running until they are told.
std::vector<Trial> ask_trials(const BlackBox& box, Study& study, std::size_t count, Device device);

/// Takes one line such as {"trial": 3, "objectives": {"loss": 0.2}, "constraints": {"heat": 71}} or
/// {"trial": 3, "failed": "out of memory"} and answers with the line to print: {"trial": 3,
/// "state": "done"}. An objective that is not finite (null, NaN, Infinity) makes a failed trial,
/// one above its limit or a constraint out of its bounds an infeasible one. Throws DataError for
/// what is no result of a trial that waits for one; nothing is recorded then.
std::string tell_trial(Study& study, const std::string& line);

/// The line that a suggestion is printed as: {"trial": 3, "values": {...}}.
std::string suggestion_line(const Trial& trial);

}  // namespace paretiny
