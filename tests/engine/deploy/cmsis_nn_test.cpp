// Generated C that calls CMSIS-NN, against the int8 network that it was generated from: with a
// double of the library (cmsis_nn_double) that spoils its output and scratch memory before it
// reads.
#include "engine/deploy/code/cmsis_nn.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "base/command.h"
#include "base/error.h"
#include "engine/deploy/code/c_code.h"
#include "engine/deploy/code/firmware.h"
#include "engine/deploy/plan/memory_problem.h"
#include "tests/engine/deploy/exported_folder.h"
#include "tests/engine/deploy/odd_network.h"

namespace paretiny::deploy {
namespace {

namespace fs = std::filesystem;
using namespace test;

const fs::path kDouble = fs::path(PARETINY_SOURCE) / "tests/engine/deploy/cmsis_nn_double";

class CmsisNn : public ExportedFolder {
 protected:
  CommandResult shell(const std::string& line) {
    return run_command({"sh", "-c", line}, folder_, "the C compiler");
  }

  void write(const DeployedModel& model, const ActivationPlan& plan) {
    put(c_code(model, plan, record_runs(model.network, 6, 1), Kernels::cmsis_nn));
  }

  /// Exit code of the host test of a model, 256 where it does not compile.
  int compile_and_run(const DeployedModel& model, const ActivationPlan& plan,
                      const std::string& options) {
    write(model, plan);
    const CommandResult built =
        shell(PARETINY_CC " -std=c99 -pedantic -Wall -Wextra -Wconversion -Werror -I" +
              kDouble.string() + " " + options + " *.c test/host_test.c " +
              (kDouble / "cmsis_nn_double.c").string() + " -o test_program");
    EXPECT_EQ(built.code, 0) << built.output;
    if (built.code != 0) return 256;
    const CommandResult ran = shell("./test_program");
    last_output_ = ran.output;
    return ran.code;
  }

  static ActivationPlan plan_of(const compress::Int8Network& network, bool helium = false) {
    return plan_activations(cmsis_nn_memory_problem(network, helium));
  }

  std::string last_output_;
};

DeployedModel built(const std::string& name, const Shape& input = {1, 32, 32, 3}) {
  const graph::Graph graph =
      models::build_model({.name = name, .input = input, .classes = 10, .width = 0.5});
  return deployed(calibrated_network(graph, 3), name);
}

TEST_F(CmsisNn, ModelsGiveEveryByteOfTheirInt8Networks) {
  for (const DeployedModel& model : {built("resnet8"), built("ds_cnn"), built("mobilenet_v3"),
                                     built("mobilenet_v3", {1, 1, 128, 6})}) {
    for (const char* version : {"", "-DDOUBLE_OF_6"}) {
      EXPECT_EQ(compile_and_run(model, plan_of(model.network), std::string("-O2 ") + version), 0)
          << model.name << version << ": " << last_output_;
    }
    EXPECT_EQ(compile_and_run(model, plan_of(model.network, true), "-O2 -DDOUBLE_HELIUM"), 0)
        << model.name << ", Helium: " << last_output_;
  }
}

TEST_F(CmsisNn, RandomNetworksRunUnderSanitizers) {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    const graph::Graph graph = seed % 2 == 0 ? random_graph(seed) : odd_graph(seed);
    const DeployedModel model = deployed(random_network(graph, seed), "random");
    EXPECT_EQ(compile_and_run(model, plan_of(model.network),
                              "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"),
              0)
        << seed << ": " << last_output_;
  }
}

TEST_F(CmsisNn, AnOutputOverAnInputShows) {
  // The plan for our own kernels, with room for scratch memory above it.
  const DeployedModel model = built("ds_cnn");
  ActivationPlan plan = plan_activations(memory_problem(model.network));
  for (std::size_t s = 0; s < plan.scratch.size(); ++s) {
    const std::size_t scratch = cmsis_nn_scratch(model.network, model.network.steps[s], false);
    plan.scratch[s] = {plan.bytes, scratch};
  }
  plan.bytes += 4096;
  EXPECT_EQ(compile_and_run(model, plan, "-O1"), 1) << last_output_;
}

TEST_F(CmsisNn, MoreScratchThanPlannedGivesNoInput) {
  const DeployedModel model = built("resnet8");
  EXPECT_EQ(compile_and_run(model, plan_of(model.network), "-O1 -DDOUBLE_ASKS=4"), 2);
  EXPECT_EQ(compile_and_run(built("ds_cnn"), plan_of(built("ds_cnn").network), "-DDOUBLE_HELIUM"),
            2);
}

TEST_F(CmsisNn, ACallThatIsRefusedEndsTheRun) {
  std::set<std::size_t> operators;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const DeployedModel model = deployed(random_network(random_graph(seed), seed), "refused");
    ASSERT_EQ(compile_and_run(model, plan_of(model.network), "-DDOUBLE_REFUSES"), 0);
    int calls = 0;
    for (const compress::Int8Step& step : model.network.steps) {
      if (!cmsis_nn_computes(model.network, step)) continue;
      ++calls;
      operators.insert(step.operation.index());
    }
    for (int call = 1; call <= calls; ++call) {
      const CommandResult ran = shell("REFUSED_CALL=" + std::to_string(call) + " ./test_program");
      EXPECT_EQ(ran.code, 3) << seed << " " << call << ": " << ran.output;
    }
    const int after = 6 * calls + 1;
    EXPECT_EQ(shell("REFUSED_CALL=" + std::to_string(after) + " ./test_program").code, 0);
  }
  EXPECT_EQ(operators.size(), 6u);  // every function that is called was refused once
}

TEST_F(CmsisNn, ScratchLiesWhereTheStepLeavesRoom) {
  const compress::Int8Network network = built("resnet8").network;
  const ActivationPlan plan = plan_of(network);
  std::size_t largest = 0;
  for (const ScratchPlace& place : plan.scratch) largest = std::max(largest, place.bytes);
  EXPECT_EQ(largest, 4u * 9 * 32);
  const ActivationPlan without = plan_activations(memory_problem(network, Overlap::elementwise));
  EXPECT_GT(plan.bytes, without.bytes);
  EXPECT_LT(plan.bytes, without.bytes + largest);
}

/// One step with a window, as a network of its own.
compress::Int8Step step_of(compress::Int8Network& network, compress::Int8Operation operation,
                           const Shape& in, const Shape& out) {
  network.tensors = {{"in", in, {}}, {"out", out, {}}};
  return {"step", std::move(operation), {0}, 1};
}

TEST(CmsisNnSteps, OddWindowsKeepOurOwnKernels) {
  compress::Int8Network network;
  const auto computes = [&]<class Operation>(Operation operation, const nn::Window& window,
                                             const Shape& in) {
    operation.window = window;
    const Shape out{1, window.out_h(in.h), window.out_w(in.w), in.c};
    return cmsis_nn_computes(network, step_of(network, operation, in, out));
  };
  const Shape in{1, 6, 6, 4};
  EXPECT_TRUE(computes(compress::Int8Depthwise{}, {3, 3, 1, 1, 1, 1, 1, 1}, in));
  // Two columns of padding on the right: the last window has only its first column inside.
  EXPECT_FALSE(computes(compress::Int8Depthwise{}, {3, 3, 1, 1, 1, 1, 1, 2}, in));
  EXPECT_TRUE(computes(compress::Int8Depthwise{}, {5, 5, 1, 1, 2, 2, 2, 4}, in));
  // A window of padding alone.
  EXPECT_FALSE(computes(compress::Int8Depthwise{}, {2, 2, 1, 1, 2, 0, 0, 0}, in));
  EXPECT_FALSE(computes(compress::Int8MaxPool{}, {2, 2, 1, 1, 0, 0, 2, 0}, in));
  EXPECT_FALSE(computes(compress::Int8AveragePool{}, {2, 2, 1, 1, 0, 0, 0, 2}, in));
  EXPECT_TRUE(computes(compress::Int8AveragePool{}, {2, 2, 1, 1, 1, 1, 1, 1}, in));
  EXPECT_TRUE(computes(compress::Int8Conv{}, {2, 2, 1, 1, 2, 0, 0, 0}, in));
  network.tensors = {{"in", {1, 1, 1, 65536}, {}}, {"out", {1, 1, 1, 2}, {}}};
  EXPECT_FALSE(cmsis_nn_computes(network, {"fc", compress::Int8FullyConnected{}, {0}, 1}));
  EXPECT_FALSE(cmsis_nn_computes(network, {"table", compress::Int8Lookup{}, {0}, 1}));
}

TEST_F(CmsisNn, FirmwareLinksTheArchiveOfTheFolder) {
  if (!has_command("arm-none-eabi-gcc") || !has_command("qemu-system-arm")) {
    GTEST_SKIP() << "no arm-none-eabi-gcc or qemu-system-arm here";
  }
  const fs::path library = folder_ / "CMSIS-NN";
  const auto find = [&] { return find_cmsis_nn(library); };
  EXPECT_THROW(find(), UsageError);
  fs::create_directories(library / "build/Source");
  fs::create_symlink(kDouble, library / "Include");
  EXPECT_THROW(find(), UsageError);
  const Core& core = *find_core("m4");
  const CommandResult made =
      shell("arm-none-eabi-gcc -O2 " + core.flags + " -c CMSIS-NN/Include/cmsis_nn_double.c && " +
            "arm-none-eabi-ar rcs CMSIS-NN/build/Source/libcmsis-nn.a cmsis_nn_double.o");
  ASSERT_EQ(made.code, 0) << made.output;
  const CmsisNnLibrary found = find();
  const fs::path kept = folder_.string() + "-library";
  fs::rename(library, kept);
  const DeployedModel model = deployed(random_network(random_graph(3), 3), "small");
  const ActivationPlan plan = plan_of(model.network);
  write(model, plan);
  fs::rename(kept, library);
  const LinkedSize size = build_firmware(folder_, core, {}, found);
  const Footprint planned = planned_footprint(model.network, core, Kernels::cmsis_nn);
  EXPECT_EQ(size.constants, planned.rom_constants);
  EXPECT_EQ(size.statics, planned.ram_arena);
  const EmulatedRun run = run_firmware(folder_, core, record_runs(model.network, 3, 2));
  EXPECT_EQ(run.runs, 3);
  EXPECT_EQ(run.differing, 0);
}

}  // namespace
}  // namespace paretiny::deploy
