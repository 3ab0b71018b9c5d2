// Reads a table of an experiment key by key; what nobody asked for is an error that names the
// nearest key.
#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace paretiny::experiment {

class TableReader {
 public:
  /// `path` is the table's dotted name, "" for the whole file. A missing table reads as empty.
  TableReader(const toml::table& root, const std::string& path);
  /// The table under `key` of another, whatever characters the key has.
  TableReader(TableReader& outer, const std::string& key);

  // Each takes the key's value if it is there, else the default. They throw UsageError, naming
  // file, line and key, for another type or a value out of [low, high].
  double number(const std::string& key, double otherwise, double low, double high);
  std::int64_t integer(const std::string& key, std::int64_t otherwise, std::int64_t low,
                       std::int64_t high);
  bool boolean(const std::string& key, bool otherwise);
  std::string text(const std::string& key, const std::string& otherwise);
  std::vector<double> numbers(const std::string& key, const std::vector<double>& otherwise,
                              double low, double high);
  /// The index of the key's value in `names`; throws naming the nearest.
  std::size_t choice(const std::string& key, const std::vector<std::string>& names,
                     const std::string& otherwise);

  const toml::node* find(const std::string& key);  ///< null when absent; counts as read
  /// Keys that have not been read so far.
  std::vector<std::string> unread() const;
  /// Throws UsageError if a key has not been read.
  void finish() const;

  /// "demo.toml line 12: training.batch", for messages; the table's line when the key is missing.
  std::string where(const std::string& key) const;
  [[noreturn]] void fail(const std::string& key, const std::string& what) const;

 private:
  void take(const toml::node& node);
  /// Throws for a value that is not `what`.
  [[noreturn]] void refuse(const std::string& key, const toml::node& found, const char* what) const;

  const toml::table* table_ = nullptr;
  std::string path_;
  std::set<std::string> read_;
};

/// "training.batch" of the root table, or null; dots alone part the keys.
const toml::node* find_path(const toml::table& root, const std::string& path);

/// Sets root[path] = value, making tables on the way. Throws UsageError when a part of the path is
/// no table.
void set_path(toml::table& root, const std::string& path, const toml::node& value);

/// "64", "0.1", "true", "[1, 2]", "{ low = 1 }" as TOML; anything else, dates too, as a string.
toml::table parse_value(const std::string& text);  ///< under the key "value"

/// A value as it stands in TOML: numbers keep their type. Nothing for a list or a table.
std::optional<std::string> value_text(const toml::node& node);

}  // namespace paretiny::experiment
