// Reads what Space::describe writes.
#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>

#include "base/error.h"
#include "nas/space/space.h"

namespace paretiny::space {
namespace {

/// Words of a line: bare ones, and texts in quotes with escapes.
class Words {
 public:
  explicit Words(const std::string& line) : line_(line) { next(); }

  bool any() const { return any_; }
  bool is(const char* word) const { return any_ && !quoted_ && word_ == word; }
  bool quoted() const { return any_ && quoted_; }
  std::string take() {
    if (!any_) throw UsageError("a space's description ends too early");
    std::string taken = word_;
    next();
    return taken;
  }
  double take_number() {
    const std::string text = take();
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) {
      throw UsageError("a space's description has '" + text + "' for a number");
    }
    return number;
  }

 private:
  void next() {
    while (at_ < line_.size() && line_[at_] == ' ') ++at_;
    any_ = at_ < line_.size();
    word_.clear();
    quoted_ = any_ && line_[at_] == '"';
    if (!quoted_) {
      while (at_ < line_.size() && line_[at_] != ' ') word_ += line_[at_++];
      return;
    }
    for (++at_; at_ < line_.size() && line_[at_] != '"'; ++at_) {
      word_ += line_[at_] == '\\' ? unescaped() : line_[at_];
    }
    if (at_ == line_.size()) throw UsageError("a space's description has a text without its end");
    ++at_;
  }
  char unescaped() {
    constexpr std::string_view kNames = "nrt\"\\";
    constexpr std::string_view kMeant = "\n\r\t\"\\";
    const std::size_t place = ++at_ < line_.size() ? kNames.find(line_[at_]) : std::string::npos;
    if (place == std::string::npos) throw UsageError("a space's description has a strange escape");
    return kMeant[place];
  }

  const std::string& line_;
  std::size_t at_ = 0;
  std::string word_;
  bool quoted_ = false;
  bool any_ = false;
};

Parameter parameter_of(const std::string& line) {
  Words words(line);
  Parameter parameter;
  parameter.name = words.take();
  const std::string kind = words.take();
  if (kind == "categorical") {
    parameter.kind = ParameterKind::categorical;
    while (words.quoted()) parameter.choices.emplace_back(words.take());
  } else {
    parameter.kind = kind == "integer" ? ParameterKind::integer : ParameterKind::real;
    parameter.low = words.take_number();
    parameter.high = words.take_number();
  }
  while (words.any()) {
    const std::string key = words.take();
    if (key == "step") {
      parameter.step = static_cast<std::int64_t>(words.take_number());
    } else if (key == "log") {
      parameter.log = true;
    } else if (key == "when") {
      Condition condition{words.take(), {}};
      while (words.quoted()) condition.values.emplace_back(words.take());
      parameter.when.push_back(std::move(condition));
    } else {
      throw UsageError("a space's description has '" + key + "', which means nothing");
    }
  }
  return parameter;
}

}  // namespace

Space described_space(const std::string& description) {
  std::vector<Parameter> parameters;
  std::istringstream lines(description);
  for (std::string line; std::getline(lines, line);) parameters.push_back(parameter_of(line));
  return Space(std::move(parameters));
}

}  // namespace paretiny::space
