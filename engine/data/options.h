// A format's own keys of the [dataset] table, read from their text with their ranges checked.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/data/dataset.h"

namespace paretiny::data {

/// Every getter throws UsageError naming the key, the text found and what would be right.
class DatasetOptions {
 public:
  explicit DatasetOptions(const DatasetSpec& spec) : options_(spec.options) {}

  bool has(const std::string& name) const { return options_.count(name) != 0; }
  std::string text(const std::string& name, const std::string& fallback) const;
  /// One of `allowed`.
  std::string choice(const std::string& name, const std::string& fallback,
                     const std::vector<std::string>& allowed) const;
  std::int64_t integer(const std::string& name, std::int64_t fallback, std::int64_t low,
                       std::int64_t high) const;
  double real(const std::string& name, double fallback, double low, double high) const;
  /// Whole numbers with commas between, "7,8", without repeats; sorted.
  std::vector<std::int32_t> integers(const std::string& name) const;

 private:
  std::map<std::string, std::string> options_;
};

}  // namespace paretiny::data
