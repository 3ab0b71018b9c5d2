// A small experiment in a folder of its own, and what is said of a wrong one.
#pragma once

#include <gtest/gtest.h>

#include "base/error.h"
#include "nas/experiment/experiment.h"
#include "tests/nas/search/experiments.h"

namespace paretiny::experiment {

class ExperimentTest : public test::FolderTest {
 protected:
  Experiment load(const std::vector<std::string>& overrides = {},
                  const std::string& text = test::tiny_experiment() + test::tiny_space()) {
    return load_experiment(file(text), overrides);
  }

  /// The sentence of the UsageError that loading ends with.
  std::string refusal(const std::vector<std::string>& overrides, const std::string& more = "") {
    try {
      load(overrides, test::tiny_experiment() + test::tiny_space() + more);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  }

  /// The same for a piece of the file that is replaced.
  std::string refusal_of(const std::string& old_text, const std::string& new_text) {
    std::string text = test::tiny_experiment() + test::tiny_space();
    const std::size_t at = text.find(old_text);
    EXPECT_NE(at, std::string::npos) << old_text;
    text.replace(at, old_text.size(), new_text);
    try {
      load({}, text);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  }

  const space::Parameter* parameter(const Experiment& experiment, const std::string& name) {
    for (const space::Parameter& each : experiment.space.parameters()) {
      if (each.name == name) return &each;
    }
    return nullptr;
  }
};

}  // namespace paretiny::experiment
