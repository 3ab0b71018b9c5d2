// A model on its way out: a folder of C code or a file of another format, its size by the linker,
// its run in the emulator.
#pragma once

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/deploy/code/cmsis_nn.h"
#include "engine/deploy/code/firmware.h"
#include "engine/deploy/deployed_model.h"
#include "engine/deploy/plan/footprint.h"
#include "engine/deploy/plan/target.h"

namespace paretiny::deploy {

/// Writes C code under `name` (see export_name), its README and its host test of `runs` inputs,
/// random ones or the first of `samples`, into `folder`, which must be new or empty: all of it or
/// nothing. Code with our own kernels is first compiled and its test run on this machine; returns
/// why it was not, empty when it was. Throws DataError, UsageError for samples that do not fit,
/// Error for code that does not compile or gives other bytes, and Interrupted, leaving nothing.
[[nodiscard]] std::string export_c(const DeployedModel& model, const Target& target,
                                   const std::filesystem::path& folder, const std::string& name,
                                   std::int64_t runs, Kernels kernels = Kernels::own,
                                   const data::Samples* samples = nullptr,
                                   std::stop_token stop = {});

/// Writes the model as a TensorFlow Lite or ONNX file, which must be new: all of it or nothing.
/// Returns its bytes. Throws UsageError for a file that is there or an operator the format lacks,
/// and DataError.
std::size_t export_tflite(const DeployedModel& model, const std::filesystem::path& file);
std::size_t export_onnx(const DeployedModel& model, const std::filesystem::path& file);

/// Compiles and links the model in a folder of its own, with calls of `cmsis_nn` where it is given.
/// Throws ToolError and Interrupted.
LinkedSize measure_size(const DeployedModel& model, const Core& core,
                        const std::optional<CmsisNnLibrary>& cmsis_nn = {},
                        std::stop_token stop = {});

struct Verification {
  Footprint planned;  ///< as far as it is known with CMSIS-NN
  LinkedSize linked;
  EmulatedRun run;
  std::vector<std::string> steps;  ///< names, in the order they ran
};

/// Also runs it in the emulator on `runs` inputs, random ones or the first of `samples`. Throws
/// ToolError, UsageError, Interrupted.
Verification verify(const DeployedModel& model, const Core& core, std::int64_t runs,
                    std::stop_token stop = {}, const std::optional<CmsisNnLibrary>& cmsis_nn = {},
                    const data::Samples* samples = nullptr);

}  // namespace paretiny::deploy
