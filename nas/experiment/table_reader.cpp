#include "nas/experiment/table_reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <sstream>

#include "base/error.h"
#include "base/nearest.h"
#include "base/one_line.h"
#include "nas/experiment/toml_text.h"

namespace paretiny::experiment {
namespace {

std::string place(const toml::node& node) {
  const toml::source_region& source = node.source();
  const std::string file = source.path ? *source.path : std::string();
  if (file.empty()) return "";
  return fmt::format("{} line {}: ", one_line(file), source.begin.line);
}

/// What a value is, for the reader of a message: "the text \"abc\"".
std::string described(const toml::node& node) {
  constexpr std::size_t kShown = 40;  // characters of a text that tell it from others
  if (node.is_table()) return "a table";
  if (node.is_array()) return "a list";
  const std::string text = one_line(value_text(node).value_or(""), kShown);
  return node.is_string() ? "the text \"" + text + "\"" : text;
}

}  // namespace

TableReader::TableReader(const toml::table& root, const std::string& path) : path_(path) {
  const toml::node* node = path.empty() ? &root : find_path(root, path);
  if (node != nullptr) take(*node);
}

TableReader::TableReader(TableReader& outer, const std::string& key)
    : path_(outer.path_.empty() ? key : outer.path_ + "." + key) {
  const toml::node* node = outer.find(key);
  if (node != nullptr) take(*node);
}

void TableReader::take(const toml::node& node) {
  table_ = node.as_table();
  if (table_ != nullptr) return;
  const std::string name = one_line(path_);
  throw UsageError(place(node) + "'" + name + "' must be a table, written [" + name + "]; it is " +
                   described(node));
}

std::string TableReader::where(const std::string& key) const {
  const toml::node* node = table_ == nullptr ? nullptr : table_->get(key);
  if (node == nullptr) node = table_;
  const std::string name = path_.empty() ? key : path_ + "." + key;
  return (node == nullptr ? "" : place(*node)) + one_line(name);
}

void TableReader::fail(const std::string& key, const std::string& what) const {
  throw UsageError(where(key) + " " + one_line(what));
}

void TableReader::refuse(const std::string& key, const toml::node& found, const char* what) const {
  fail(key, std::string("must be ") + what + "; it is " + described(found));
}

const toml::node* TableReader::find(const std::string& key) {
  read_.insert(key);
  return table_ == nullptr ? nullptr : table_->get(key);
}

double TableReader::number(const std::string& key, double otherwise, double low, double high) {
  const toml::node* node = find(key);
  if (node == nullptr) return otherwise;
  const auto value = node->is_number() ? node->value<double>() : std::nullopt;
  if (!value) refuse(key, *node, "a number");
  if (!(*value >= low && *value <= high)) {
    fail(key, fmt::format("is {}; it lies between {} and {}", *value, low, high));
  }
  return *value;
}

std::int64_t TableReader::integer(const std::string& key, std::int64_t otherwise, std::int64_t low,
                                  std::int64_t high) {
  const toml::node* node = find(key);
  if (node == nullptr) return otherwise;
  const auto value = node->is_integer() ? node->value<std::int64_t>() : std::nullopt;
  if (!value) refuse(key, *node, "a whole number");
  if (*value < low || *value > high) {
    fail(key, fmt::format("is {}; it lies between {} and {}", *value, low, high));
  }
  return *value;
}

bool TableReader::boolean(const std::string& key, bool otherwise) {
  const toml::node* node = find(key);
  if (node == nullptr) return otherwise;
  if (!node->is_boolean()) refuse(key, *node, "true or false");
  return *node->value<bool>();
}

std::string TableReader::text(const std::string& key, const std::string& otherwise) {
  const toml::node* node = find(key);
  if (node == nullptr) return otherwise;
  if (!node->is_string()) refuse(key, *node, "a text in quotes");
  return *node->value<std::string>();
}

std::vector<double> TableReader::numbers(const std::string& key,
                                         const std::vector<double>& otherwise, double low,
                                         double high) {
  const toml::node* node = find(key);
  if (node == nullptr) return otherwise;
  if (!node->is_array()) refuse(key, *node, "a list of numbers, written [1, 2]");
  std::vector<double> list;
  for (const toml::node& each : *node->as_array()) {
    if (!each.is_number()) {
      fail(key,
           fmt::format("must be a list of numbers, written [1, 2]; it holds {}", described(each)));
    }
    const double value = *each.value<double>();
    if (!(value >= low && value <= high)) {
      fail(key, fmt::format("holds {}; its numbers lie between {} and {}", value, low, high));
    }
    list.push_back(value);
  }
  return list;
}

std::size_t TableReader::choice(const std::string& key, const std::vector<std::string>& names,
                                const std::string& otherwise) {
  const std::string name = text(key, otherwise);
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) fail(key, "is '" + name + "'" + suggestion(name, names));
  return static_cast<std::size_t>(found - names.begin());
}

std::vector<std::string> TableReader::unread() const {
  std::vector<std::string> keys;
  if (table_ == nullptr) return keys;
  for (const auto& [key, value] : *table_) {
    if (!read_.contains(std::string(key.str()))) keys.emplace_back(key.str());
  }
  return keys;
}

void TableReader::finish() const {
  const std::vector<std::string> left = unread();
  if (left.empty()) return;
  fail(left.front(), "is not a known key" + suggestion(left.front(), {read_.begin(), read_.end()}));
}

const toml::node* find_path(const toml::table& root, const std::string& path) {
  const toml::table* table = &root;
  std::size_t begin = 0;
  for (std::size_t dot; (dot = path.find('.', begin)) != std::string::npos; begin = dot + 1) {
    const toml::node* next = table->get(path.substr(begin, dot - begin));
    table = next == nullptr ? nullptr : next->as_table();
    if (table == nullptr) return nullptr;
  }
  return table->get(path.substr(begin));
}

void set_path(toml::table& root, const std::string& path, const toml::node& value) {
  if (std::count(path.begin(), path.end(), '.') >= static_cast<std::ptrdiff_t>(kMostKeyParts)) {
    throw UsageError(fmt::format("a key that is set has more than {} parts", kMostKeyParts));
  }
  toml::table* table = &root;
  std::size_t begin = 0;
  for (std::size_t dot; (dot = path.find('.', begin)) != std::string::npos; begin = dot + 1) {
    const std::string part = path.substr(begin, dot - begin);
    if (part.empty()) throw UsageError("'" + path + "' is no key: a part of it is empty");
    toml::node& next = table->insert(part, toml::table{}).first->second;
    if (!next.is_table()) {
      throw UsageError("'" + path + "' cannot be set: '" + path.substr(0, dot) + "' is no table");
    }
    table = next.as_table();
  }
  const std::string key = path.substr(begin);
  if (key.empty()) throw UsageError("'" + path + "' is no key: its last part is empty");
  value.visit([&](const auto& concrete) { table->insert_or_assign(key, concrete); });
}

toml::table parse_value(const std::string& text) {
  try {
    toml::table table = toml::parse("value = " + text);
    const toml::node& value = *table.get("value");
    if (!value.is_date() && !value.is_time() && !value.is_date_time()) return table;
  } catch (const toml::parse_error&) {
  }
  return toml::table{{"value", text}};
}

std::optional<std::string> value_text(const toml::node& node) {
  if (node.is_string()) return *node.value<std::string>();
  if (!node.is_value()) return std::nullopt;
  std::ostringstream text;
  node.visit([&](const auto& concrete) {
    if constexpr (toml::is_value<decltype(concrete)>) text << concrete;
  });
  return text.str();
}

}  // namespace paretiny::experiment
