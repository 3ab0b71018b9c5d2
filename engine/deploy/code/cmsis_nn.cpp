#include "engine/deploy/code/cmsis_nn.h"

#include <fmt/core.h>

#include <variant>

#include "base/error.h"
#include "base/overloaded.h"
#include "engine/deploy/plan/memory_problem.h"
#include "kernels/core/host_device.h"

namespace paretiny::deploy {
namespace {

namespace fs = std::filesystem;

/// Channels of a depthwise convolution that the Helium kernel gathers at a time.
constexpr std::int64_t kHeliumChannels = 124;

const Shape& input_of(const compress::Int8Network& network, const compress::Int8Step& step) {
  return network.tensors[static_cast<std::size_t>(step.inputs.front())].shape;
}

const Shape& output_of(const compress::Int8Network& network, const compress::Int8Step& step) {
  return network.tensors[static_cast<std::size_t>(step.output)].shape;
}

/// Every window has something of the input in it, which CMSIS-NN takes for granted where it does
/// not gather windows whole.
bool meets_input(const nn::Window& w, const Shape& in, const Shape& out) {
  return w.top < w.kernel_h && w.left < w.kernel_w && (out.h - 1) * w.stride_h - w.top < in.h &&
         (out.w - 1) * w.stride_w - w.left < in.w;
}

/// It has a depthwise kernel for these that gathers nothing.
bool is_3x3(const nn::Window& w) {
  return w.kernel_h == 3 && w.kernel_w == 3 && w.top <= 1 && w.left <= 1;
}

/// Windows are gathered: two of int16 values, or four of int8 for Helium.
std::int64_t conv_scratch(const nn::Window& w, std::int64_t channels, bool helium) {
  const bool pixelwise = w.kernel_h == 1 && w.kernel_w == 1 && w.top == 0 && w.left == 0;
  if (pixelwise) return helium || w.stride_h > 1 || w.stride_w > 1 ? 0 : 4 * channels;
  return 4 * round_up(w.kernel_h * w.kernel_w * channels, helium ? 16 : 4);
}

/// Where libcmsis-nn.a is: its own build puts it into one of the last two.
fs::path archive_in(const fs::path& folder) {
  for (const char* place : {".", "build", "build/Source"}) {
    const fs::path file = (folder / place / "libcmsis-nn.a").lexically_normal();
    if (fs::is_regular_file(file)) return file;
  }
  return {};
}

}  // namespace

bool cmsis_nn_computes(const compress::Int8Network& network, const compress::Int8Step& step) {
  const Shape& in = input_of(network, step);
  const Shape& out = output_of(network, step);
  return std::visit(
      Overloaded{
          [](const compress::Int8Conv&) { return true; },
          // A convolution of one pixel, whose channels are counted in 16 bits.
          [&](const compress::Int8FullyConnected&) { return in.elements() <= 65535; },
          [&](const compress::Int8Depthwise& op) {
            const nn::Window& w = op.window;
            // The 3x3 kernel reads the middle column of a window without looking.
            const bool middle = (out.w - 1) * w.stride_w - w.left + 1 < in.w;
            return meets_input(w, in, out) && (!is_3x3(w) || middle);
          },
          [&](const compress::Int8MaxPool& op) { return meets_input(op.window, in, out); },
          [&](const compress::Int8AveragePool& op) { return meets_input(op.window, in, out); },
          [](const compress::Int8Add&) { return true; },
          [](const auto&) { return false; },
      },
      step.operation);
}

std::size_t cmsis_nn_scratch(const compress::Int8Network& network, const compress::Int8Step& step,
                             bool helium) {
  if (!cmsis_nn_computes(network, step)) return 0;
  const Shape& in = input_of(network, step);
  return static_cast<std::size_t>(std::visit(
      Overloaded{
          [&](const compress::Int8Conv& op) { return conv_scratch(op.window, in.c, helium); },
          [&](const compress::Int8FullyConnected&) {
            return conv_scratch({}, in.elements(), helium);
          },
          [&](const compress::Int8Depthwise& op) {
            const std::int64_t taps = op.window.kernel_h * op.window.kernel_w;
            if (helium) return 4 * kHeliumChannels * taps;
            return is_3x3(op.window) ? 0 : 2 * in.c * taps;
          },
          [&](const compress::Int8AveragePool&) { return helium ? 0 : 4 * in.c; },
          [](const auto&) { return std::int64_t{0}; },
      },
      step.operation));
}

MemoryProblem cmsis_nn_memory_problem(const compress::Int8Network& network, bool helium) {
  MemoryProblem problem = memory_problem(network, Overlap::elementwise);
  for (std::size_t s = 0; s < network.steps.size(); ++s) {
    const std::size_t scratch = cmsis_nn_scratch(network, network.steps[s], helium);
    if (scratch == 0) continue;
    problem.steps[s].scratch = static_cast<int>(problem.bytes.size());
    problem.bytes.push_back(scratch);
  }
  return problem;
}

Footprint planned_footprint(const compress::Int8Network& network, const Core& core,
                            Kernels kernels) {
  Footprint size = footprint(network, core.kind);
  if (kernels == Kernels::own) return size;
  for (const compress::Int8Step& step : network.steps) {
    if (!cmsis_nn_computes(network, step)) continue;
    std::visit(
        [&]<class Operation>(const Operation& op) {
          if constexpr (std::is_base_of_v<compress::Int8Layer, Operation>) {
            // Shifts of int32 in place of int8.
            const auto channels = static_cast<std::int64_t>(op.shifts.size());
            size.rom_constants += 4 * channels - round_up(channels, 4);
          }
        },
        step.operation);
  }
  const ActivationPlan plan = plan_activations(cmsis_nn_memory_problem(network, core.helium));
  size.ram_arena = static_cast<std::int64_t>(plan.bytes);
  size.rom_code = size.ram_stack = size.instructions = 0;
  return size;
}

CmsisNnLibrary find_cmsis_nn(const fs::path& folder) {
  const fs::path include = folder / "Include";
  if (!fs::is_regular_file(include / "arm_nnfunctions.h")) {
    throw UsageError(
        fmt::format("'{}' is no folder of CMSIS-NN, it has no Include/arm_nnfunctions.h: get "
                    "CMSIS-NN, 6 or later, from github.com/ARM-software/CMSIS-NN",
                    folder.string()));
  }
  const fs::path archive = archive_in(folder);
  if (archive.empty()) {
    throw UsageError(
        fmt::format("'{}' has no libcmsis-nn.a, nor has its folder build: build CMSIS-NN there for "
                    "the target's core, as its README says",
                    folder.string()));
  }
  return {fs::absolute(include), fs::absolute(archive)};
}

}  // namespace paretiny::deploy
