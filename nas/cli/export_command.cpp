#include <fmt/core.h>

#include <future>
#include <optional>

#include "base/command.h"
#include "base/error.h"
#include "engine/deploy/code/export_name.h"
#include "engine/deploy/export/export.h"
#include "nas/cli/arguments/deploy_options.h"
#include "nas/cli/arguments/whole_number.h"
#include "nas/cli/commands.h"
#include "nas/cli/terminal/interrupt.h"
#include "nas/summary/format.h"

namespace paretiny::cli {
namespace {

void print_size(const char* who, std::int64_t rom, std::int64_t ram, const char* remark) {
  fmt::print("{:<8} ROM {}, RAM {}{}\n", who, summary::format_bytes(static_cast<double>(rom)),
             summary::format_bytes(static_cast<double>(ram)), remark);
}

/// Compiles the model for its size while the export is written and checked, which takes another
/// compiler as long; not valid where it cannot.
std::future<deploy::LinkedSize> start_measuring(
    const deploy::DeployedModel& model, const deploy::Core& core, deploy::Kernels kernels,
    const std::optional<deploy::CmsisNnLibrary>& library, const std::stop_token& stop) {
  if ((kernels != deploy::Kernels::own && !library) || !has_command("arm-none-eabi-gcc")) return {};
  return std::async(std::launch::async,
                    [&, stop] { return deploy::measure_size(model, core, library, stop); });
}

void print_sizes(const deploy::Target& target, const deploy::Footprint& size,
                 deploy::Kernels kernels, bool library, std::future<deploy::LinkedSize>& measured) {
  const bool own = kernels == deploy::Kernels::own;
  print_size("planned", size.rom(), size.ram(), own ? "" : ", without code and stack");
  if (measured.valid()) {
    const deploy::LinkedSize linked = measured.get();
    print_size("linked", linked.rom(), linked.statics + size.ram_stack, own ? "" : ", no stack");
  } else if (!own && !library) {
    fmt::print("linked   not measured: name the folder of CMSIS-NN, --cmsis-nn DIR\n");
  } else {
    fmt::print(
        "linked   not measured: there is no arm-none-eabi-gcc (package gcc-arm-none-eabi)\n");
  }
  if (!own) return;
  fmt::print("runs     about {} instructions on a {} (not cycles)\n", size.instructions,
             target.core.name);
}

void print_check(std::int64_t runs, const std::string& unchecked) {
  if (unchecked.empty()) {
    fmt::print("checked  {} run{} of the code on this machine, every byte is the int8 network's\n",
               runs, runs == 1 ? "" : "s");
  } else {
    fmt::print("checked  not on this machine: {}\n", unchecked);
  }
}

struct ExportOptions : DeployOptions {
  std::string format = "c";
  std::string out;
  std::optional<std::string> name;
  std::int64_t runs = 4;
};

void export_one(const ExportOptions& options) {
  const deploy::Kernels kernels = options.kernels_to_call();
  if (kernels != deploy::Kernels::own && options.format != "c") {
    throw UsageError("--kernels " + options.kernels + " is for C code: a file of the format " +
                     options.format + " has no kernels");
  }
  if (options.name) {
    if (options.format != "c") {
      throw UsageError("--name is for C code: a file of the format " + options.format +
                       " has no symbols");
    }
    deploy::check_export_name(*options.name);
  }
  const deploy::Target target = options.find();
  const std::optional<deploy::CmsisNnLibrary> library = options.library();
  const NamedModel named = options.one();
  const deploy::Footprint size =
      deploy::planned_footprint(named.model.network, target.core, kernels);
  check_fits(size, target);
  if (options.format == "c") {
    const std::optional<data::Samples> samples = options.samples();
    InterruptGuard interrupt;
    const std::stop_token stop = interrupt.token();
    std::future<deploy::LinkedSize> measured =
        start_measuring(named.model, target.core, kernels, library, stop);
    const std::string name = options.name.value_or(deploy::export_name(named.study));
    const std::string unchecked =
        deploy::export_c(named.model, target, options.out, name, options.runs, kernels,
                         samples ? &*samples : nullptr, stop);
    print_sizes(target, size, kernels, library.has_value(), measured);
    print_check(options.runs, unchecked);
  } else {
    const auto write = options.format == "tflite" ? deploy::export_tflite : deploy::export_onnx;
    const std::size_t bytes = write(named.model, options.out);
    fmt::print("{:<8} {}\n", "file", summary::format_bytes(static_cast<double>(bytes)));
  }
  fmt::print("{}: {}\n", named.name, std::filesystem::absolute(options.out).string());
}

}  // namespace

void add_export_command(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("export", "write a trial's network as C code, TFLite or ONNX");
  auto options = std::make_shared<ExportOptions>();
  options->add_to(*command);
  command->add_option("--format", options->format, "c, tflite or onnx")
      ->check(CLI::IsMember({"c", "tflite", "onnx"}))
      ->capture_default_str();
  command
      ->add_option("--out", options->out,
                   "folder to write C code to, new or empty; file for tflite and onnx, new")
      ->required();
  command->add_option("--name", options->name,
                      "of C code's files, functions and CMake targets; the study's by default");
  command->add_option("--runs", options->runs, "inputs and outputs recorded in the test of C code")
      ->transform(whole_number(1, 10000))
      ->capture_default_str();
  command->callback([options] { export_one(*options); });
}

}  // namespace paretiny::cli
