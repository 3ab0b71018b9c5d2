// The parts of an export that are no calls: header, arrays, test. Private to this folder.
#pragma once

#include <fmt/core.h>

#include <iterator>
#include <string>
#include <vector>

#include "engine/deploy/code/cmsis_nn.h"
#include "engine/deploy/deployed_model.h"
#include "engine/deploy/plan/activation_plan.h"

namespace paretiny::deploy {

/// Numbers with commas, in lines of twenty.
template <class Values>
void append_numbers(std::string& text, const Values& values) {
  std::size_t i = 0;
  for (const auto value : values) {
    fmt::format_to(std::back_inserter(text), "{}{},{}", i % 20 == 0 ? "  " : " ", int{value},
                   i % 20 == 19 ? "\n" : "");
    ++i;
  }
  if (i % 20 != 0) text += '\n';
}

/// bias - input zero point * sum of the channel's weights, so that kernels add plain products.
std::vector<std::int32_t> folded_bias(const compress::Int8Layer& layer);

/// What the parts of one export are called.
struct ExportNames {
  std::string prefix;  ///< of files, functions and CMake targets
  std::string macros;  ///< the same in capitals
  std::string tag;     ///< of symbols: 16 digits, the hash of the network and its plan
};

ExportNames export_names(const std::string& prefix, const DeployedModel& model,
                         const ActivationPlan& plan, Kernels kernels);

std::string model_header(const DeployedModel& model, const ActivationPlan& plan, Kernels kernels,
                         const ExportNames& names);
std::string recorded_runs(const std::vector<RecordedRun>& runs, const ExportNames& names);
std::string host_test(const ExportNames& names);
std::string export_cmake(Kernels kernels, const ExportNames& names);

}  // namespace paretiny::deploy
