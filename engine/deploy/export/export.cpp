#include "engine/deploy/export/export.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <system_error>

#include "base/error.h"
#include "base/temporary_folder.h"
#include "engine/data/formats/file_bytes.h"
#include "engine/deploy/code/c_code.h"
#include "engine/deploy/code/host_check.h"
#include "engine/deploy/export/export_readme.h"
#include "engine/deploy/formats/onnx.h"
#include "engine/deploy/formats/tflite.h"
#include "engine/deploy/plan/memory_problem.h"

namespace paretiny::deploy {
namespace {

namespace fs = std::filesystem;

/// Of the random inputs: an export's test has the first of those that `verify` takes.
constexpr std::uint64_t kRunsSeed = 1;

void write_files(const Files& files, const fs::path& folder) {
  for (const auto& [name, text] : files) {
    const fs::path path = folder / name;
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.close();
    if (!file) throw DataError("cannot write " + path.string());
  }
}

/// Runs that one start of the emulator makes: what it takes for the largest of networks on the
/// slowest of cores stays far below the time a program is given, and the inputs fit in memory.
constexpr std::int64_t kRunsAtOnce = 100;

template <class Content>
std::size_t write_new_file(const fs::path& file, const Content& content) {
  std::error_code error;
  if (fs::exists(fs::symlink_status(file, error))) {
    throw UsageError("'" + file.string() + "' is there already; name a new file");
  }
  data::write_file(file, std::as_bytes(std::span(content)));
  return content.size();
}

std::vector<RecordedRun> runs_of(const DeployedModel& model, const data::Samples* samples,
                                 std::int64_t count, std::int64_t first) {
  return samples != nullptr ? record_runs(model, *samples, count, first)
                            : record_runs(model.network, count, kRunsSeed, first);
}

Kernels kernels_of(const std::optional<CmsisNnLibrary>& cmsis_nn) {
  return cmsis_nn ? Kernels::cmsis_nn : Kernels::own;
}

ActivationPlan plan_memory(const DeployedModel& model, const Core& core, Kernels kernels) {
  return plan_activations(kernels == Kernels::own
                              ? memory_problem(model.network)
                              : cmsis_nn_memory_problem(model.network, core.helium));
}

fs::path temporary_name() {
  static std::atomic<int> count = 0;
  std::error_code error;
  const fs::path folder = fs::temp_directory_path(error);
  if (error) {
    throw DataError("there is no folder for temporary files: TMPDIR must name one (" +
                    error.message() + ")");
  }
  return folder / ("paretiny-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
}

}  // namespace

std::string export_c(const DeployedModel& model, const Target& target, const fs::path& folder,
                     const std::string& name, std::int64_t runs, Kernels kernels,
                     const data::Samples* samples, std::stop_token stop) {
  std::error_code error;
  if (fs::exists(folder, error) && !(fs::is_directory(folder) && fs::is_empty(folder))) {
    throw UsageError("'" + folder.string() + "' is there and not empty; name a new folder");
  }
  const ActivationPlan plan = plan_memory(model, target.core, kernels);
  Files files = c_code(model, plan, runs_of(model, samples, runs, 0), kernels, name);
  files["README.md"] = export_readme(model, plan, target, kernels, name);
  const fs::path whole = fs::absolute(folder).lexically_normal();
  const TemporaryFolder part(whole.string() + ".part" + std::to_string(::getpid()));
  write_files(files, part.path());
  std::string unchecked = kernels == Kernels::own
                              ? check_on_host(part.path(), stop)
                              : "it calls CMSIS-NN, which is built for the target alone; `paretiny "
                                "verify --kernels cmsis-nn --cmsis-nn DIR` runs it in the emulator";
  fs::remove(whole, error);  // it was empty
  fs::rename(part.path(), whole, error);
  if (error) throw DataError("cannot write " + folder.string() + ": " + error.message());
  return unchecked;
}

std::size_t export_tflite(const DeployedModel& model, const fs::path& file) {
  return write_new_file(file, tflite_model(model));
}

std::size_t export_onnx(const DeployedModel& model, const fs::path& file) {
  return write_new_file(file, onnx_model(model));
}

LinkedSize measure_size(const DeployedModel& model, const Core& core,
                        const std::optional<CmsisNnLibrary>& cmsis_nn, std::stop_token stop) {
  const TemporaryFolder folder(temporary_name());
  const Kernels kernels = kernels_of(cmsis_nn);
  write_files(c_code(model, plan_memory(model, core, kernels), {}, kernels), folder.path());
  return build_firmware(folder.path(), core, stop, cmsis_nn);
}

Verification verify(const DeployedModel& model, const Core& core, std::int64_t runs,
                    std::stop_token stop, const std::optional<CmsisNnLibrary>& cmsis_nn,
                    const data::Samples* samples) {
  const TemporaryFolder folder(temporary_name());
  const Kernels kernels = kernels_of(cmsis_nn);
  const ActivationPlan plan = plan_memory(model, core, kernels);
  write_files(c_code(model, plan, {}, kernels), folder.path());
  Verification result;
  result.planned = planned_footprint(model.network, core, kernels);
  result.linked = build_firmware(folder.path(), core, stop, cmsis_nn);
  for (std::int64_t first = 0; first < runs; first += kRunsAtOnce) {
    const std::int64_t count = std::min(kRunsAtOnce, runs - first);
    EmulatedRun part =
        run_firmware(folder.path(), core, runs_of(model, samples, count, first), stop);
    part.runs += result.run.runs;
    part.differing += result.run.differing;
    part.stack = std::max(part.stack, result.run.stack);
    result.run = std::move(part);
  }
  for (const int step : plan.order) {
    result.steps.push_back(model.network.steps[static_cast<std::size_t>(step)].name);
  }
  return result;
}

}  // namespace paretiny::deploy
