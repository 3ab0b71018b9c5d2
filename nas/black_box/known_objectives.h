// Objectives of a black box that follow from its values: a program of the user's computes them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/coprocess.h"
#include "nas/space/space.h"
#include "nas/study/study.h"

namespace paretiny::black_box {

/// Asks a command line by line: values in, as {"x": 0.5, "k": 3}, the objectives marked as known
/// out, as {"size": 12.5}. null is what is not known there. What was asked before is not asked
/// again.
class KnownObjectives {
 public:
  /// `objectives` must have one that is known.
  KnownObjectives(std::string command, const std::vector<study::Objective>& objectives);

  /// Minimised, NaN for what is not known: [objectives]. Throws ToolError, naming the command, for
  /// what is no such answer.
  std::vector<double> operator()(const space::Values& values);

 private:
  std::vector<double> read(const std::string& answer) const;

  const std::string command_;
  const std::vector<study::Objective> objectives_;
  Coprocess program_;
  std::map<std::string, std::vector<double>> answers_;  ///< by line
};

}  // namespace paretiny::black_box
