#include "nas/study/difference.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>
#include <string_view>
#include <vector>

#include "base/one_line.h"

namespace paretiny::study {
namespace {

struct Entry {
  std::string key;   ///< what it is about
  std::string text;  ///< all of it
};

std::string_view trim(std::string_view line) {
  const std::size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
  line.remove_prefix(begin);
  return line.substr(0, line.find_last_not_of(" \t") + 1);
}

/// What a line is about: "seed" of "seed = 5", "\"a b\"" of "\"a b\" real 0 1".
std::string_view subject(std::string_view line) {
  if (!line.starts_with('"')) {
    const std::size_t equals = line.find(" = ");
    return line.substr(0, equals == std::string_view::npos ? line.find(' ') : equals);
  }
  std::size_t end = 1;
  while (end < line.size() && line[end] != '"') end += line[end] == '\\' ? 2 : 1;
  return line.substr(0, std::min(end + 1, line.size()));
}

/// "x = 0.2" of "x = 0.20000000000000001", as TOML's writer has it.
std::string shortened(std::string_view line) {
  const std::size_t equals = line.find(" = ");
  if (equals == std::string_view::npos) return std::string(line);
  const std::string_view text = line.substr(equals + 3);
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool number = error == std::errc() && stop == text.data() + text.size();
  if (!number || !std::isfinite(value) || value == std::floor(value)) return std::string(line);
  return fmt::format("{} = {}", line.substr(0, equals), value);
}

std::vector<Entry> entries_of(const std::string& text) {
  std::vector<Entry> entries;
  std::string table;
  std::istringstream lines(text);
  for (std::string raw; std::getline(lines, raw);) {
    const std::string_view line = trim(raw);
    if (line.empty()) continue;
    const bool assigns = line.find(" = ") != std::string_view::npos;
    if (line.starts_with('[') && line.ends_with(']') && !assigns) {
      table = std::string(line.substr(1, line.size() - 2)) + ".";
    } else if (!entries.empty() && !table.empty() && !assigns) {
      entries.back().text += fmt::format(" {}", line);  // a list goes on
    } else {
      entries.push_back({table + std::string(subject(line)), table + shortened(line)});
    }
  }
  return entries;
}

const Entry* find(const std::vector<Entry>& entries, const std::string& key) {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const Entry& entry) { return entry.key == key; });
  return found == entries.end() ? nullptr : &*found;
}

}  // namespace

std::string difference(const std::string& what, const std::string& stored,
                       const std::string& wanted) {
  const std::vector<Entry> then = entries_of(stored);
  const std::vector<Entry> now = entries_of(wanted);
  const auto changed = [&](const std::string& before, const std::string& after) {
    return one_line(fmt::format("{} is '{}' in the study and '{}' now", what, before, after));
  };
  for (const Entry& entry : then) {
    const Entry* same = find(now, entry.key);
    if (same != nullptr && same->text != entry.text) return changed(entry.text, same->text);
  }
  // A text of one word, such as a seed.
  if (then.size() == 1 && now.size() == 1 && then[0].text != now[0].text) {
    return changed(then[0].text, now[0].text);
  }
  for (const Entry& entry : then) {
    if (find(now, entry.key) != nullptr) continue;
    return one_line(fmt::format("{} has '{}' in the study and not now", what, entry.text));
  }
  for (const Entry& entry : now) {
    if (find(then, entry.key) != nullptr) continue;
    return one_line(fmt::format("{} has '{}' now and not in the study", what, entry.text));
  }
  return one_line(fmt::format("{} has another order in the study", what));
}

}  // namespace paretiny::study
