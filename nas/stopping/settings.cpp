#include "nas/stopping/settings.h"

#include <fmt/core.h>

#include <charconv>
#include <sstream>

#include "base/error.h"
#include "base/one_line.h"

namespace paretiny::stopping {
namespace {

[[noreturn]] void refuse_setting(const std::string& key, const std::string& value) {
  throw DataError(
      fmt::format("a run was recorded with {} = '{}', which no rule has", key, one_line(value)));
}

double number_of_setting(const std::string& key, const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) refuse_setting(key, text);
  return value;
}

}  // namespace

std::map<std::string, std::string> settings_of(const StopSpec& spec) {
  std::map<std::string, std::string> settings = {{"stop", std::string(name_of(spec.method))}};
  if (spec.method == StopMethod::off) return settings;
  std::string fractions;
  for (const double fraction : spec.fractions) {
    fractions += fmt::format("{}{}", fractions.empty() ? "" : " ", fraction);
  }
  settings["stop_fractions"] = fractions;
  settings["stop_run_on"] = fmt::format("{}", spec.run_on);
  if (spec.method == StopMethod::asha) {
    settings["stop_eta"] = fmt::format("{}", spec.eta);
  } else {
    settings["stop_alpha"] = fmt::format("{}", spec.alpha);
    settings["stop_delta"] = fmt::format("{}", spec.delta);
  }
  return settings;
}

StopSpec stop_spec_of(const std::map<std::string, std::string>& settings) {
  StopSpec spec;
  for (const auto& [key, text] : settings) {
    if (key == "stop") {
      const auto method = stop_method(text);
      if (!method) refuse_setting(key, text);
      spec.method = *method;
    } else if (key == "stop_fractions") {
      spec.fractions.clear();
      std::istringstream words(text);
      for (std::string word; words >> word;) {
        spec.fractions.push_back(number_of_setting(key, word));
      }
    } else {
      for (const auto& [name, constant] : {std::pair{"stop_alpha", &spec.alpha},
                                           {"stop_delta", &spec.delta},
                                           {"stop_run_on", &spec.run_on},
                                           {"stop_eta", &spec.eta}}) {
        if (key == name) *constant = number_of_setting(key, text);
      }
    }
  }
  try {
    check_stop_spec(spec);
  } catch (const UsageError& error) {
    throw DataError(fmt::format("a run was recorded with a rule that none has: {}", error.what()));
  }
  return spec;
}

}  // namespace paretiny::stopping
