// The keys of [sampler], checked.
#pragma once

#include <map>
#include <set>
#include <string>

namespace paretiny::samplers {

/// Hands a sampler its options. What is not given keeps its default. Errors are UsageErrors naming
/// sampler, key and range.
class OptionReader {
 public:
  OptionReader(std::string sampler, const std::map<std::string, double>& given)
      : sampler_(std::move(sampler)), given_(given) {}

  /// A whole number from 1 to 4096.
  void count(const std::string& name, std::size_t& target);
  /// A number above 0 and at most `most`.
  void size(const std::string& name, double most, double& target);
  /// 0 or 1.
  void flag(const std::string& name, bool& target);
  /// To be called last: throws for a key that nobody asked for, naming the nearest.
  void finish() const;

 private:
  /// The value given for `name`, or null.
  const double* take(const std::string& name);

  std::string sampler_;
  const std::map<std::string, double>& given_;
  std::set<std::string> known_;
};

}  // namespace paretiny::samplers
