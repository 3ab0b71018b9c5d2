#include "nas/experiment/targets.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/error.h"
#include "base/nearest.h"
#include "nas/experiment/experiment.h"
#include "nas/experiment/table_reader.h"
#include "nas/experiment/toml_text.h"

namespace paretiny::experiment {

extern const char* const kTargets;  // targets.toml, compiled in

namespace {

toml::table parsed(const std::filesystem::path& file) {
  return file.empty() ? toml::parse(kTargets) : parse_toml_file(file);
}

deploy::Target read_target(const toml::table& root, const std::string& name) {
  TableReader top(root, "");
  TableReader table(top, name);
  std::vector<std::string> names;
  for (const deploy::Core& core : deploy::cores()) names.push_back(core.name);
  const auto bytes = [&](const char* key) -> std::int64_t {
    const std::string text = table.text(key, "");
    if (text.empty()) return 0;
    double size = 0;
    try {
      size = parse_bytes(text);
    } catch (const UsageError& error) {
      table.fail(key, error.what());
    }
    if (size > 1e15) table.fail(key, "is " + text + ", more than any board has");
    return static_cast<std::int64_t>(size);
  };
  deploy::Target target;
  target.name = name;
  target.board = table.text("board", name);
  target.core = deploy::cores()[table.choice("core", names, "cortex-m4")];
  target.flash_bytes = bytes("flash");
  target.ram_bytes = bytes("ram");
  target.clock_hz = 1e6 * table.number("clock_mhz", 0, 0, 1e5);
  table.finish();
  return target;
}

}  // namespace

deploy::Target find_target(const std::string& name, const std::filesystem::path& file) {
  std::vector<std::string> known;
  std::vector<std::filesystem::path> sources = {""};  // ours
  if (!file.empty()) sources.insert(sources.begin(), file);
  for (const std::filesystem::path& from : sources) {
    const toml::table root = parsed(from);
    for (const auto& [key, value] : root) {
      const std::string board(key.str());  // the same twice where the user has no file, or it too
      if (std::find(known.begin(), known.end(), board) == known.end()) known.push_back(board);
    }
    if (root.contains(name)) return read_target(root, name);
  }
  if (const deploy::Core* core = deploy::find_core(name))
    return {core->name, core->name, *core, 0, 0, 0};
  for (const deploy::Core& core : deploy::cores()) known.push_back(core.name);
  throw UsageError(fmt::format("'{}' is no target{}", name, suggestion(name, known)));
}

}  // namespace paretiny::experiment
