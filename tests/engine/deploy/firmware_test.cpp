// Generated C on emulated Cortex-M boards: every output byte, and sizes as the linker says.
#include "engine/deploy/code/firmware.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/command.h"
#include "base/error.h"
#include "engine/deploy/plan/footprint.h"
#include "engine/deploy/plan/memory_problem.h"
#include "tests/engine/deploy/exported_folder.h"
#include "tests/engine/deploy/odd_network.h"

namespace paretiny::deploy {
namespace {

namespace fs = std::filesystem;
using namespace test;

class Firmware : public ExportedFolder {
 protected:
  void SetUp() override {
    if (!has_command("arm-none-eabi-gcc") || !has_command("qemu-system-arm")) {
      GTEST_SKIP() << "no arm-none-eabi-gcc or qemu-system-arm here";
    }
  }

  void write(const DeployedModel& model, const ActivationPlan& plan) {
    put(c_code(model, plan, {}));
  }
};

TEST_F(Firmware, EveryCoreGivesEveryByte) {
  for (const char* name : {"resnet8", "mobilenet_v3"}) {
    const graph::Graph graph =
        models::build_model({.name = name, .input = {1, 32, 32, 3}, .classes = 10, .width = 0.5});
    const DeployedModel model = deployed(calibrated_network(graph, 5), name);
    const ActivationPlan plan = plan_activations(memory_problem(model.network));
    const std::vector<RecordedRun> runs = record_runs(model.network, 3, 2);
    for (const Core& core : cores()) {
      write(model, plan);
      const LinkedSize size = build_firmware(folder_, core);
      EXPECT_EQ(size.statics, static_cast<std::int64_t>(plan.bytes)) << core.name;
      EXPECT_LT(size.code, 16 * 1024) << core.name;
      const EmulatedRun run = run_firmware(folder_, core, runs);
      EXPECT_EQ(run.runs, 3) << core.name;
      EXPECT_EQ(run.differing, 0) << core.name << " " << name;
      EXPECT_GT(run.stack, 0) << core.name;
      EXPECT_LE(run.stack, footprint(model.network).ram_stack) << core.name;
      EXPECT_EQ(run.instructions.size(), model.network.steps.size()) << core.name;
    }
  }
}

TEST_F(Firmware, OddNetworksGiveEveryByteOnEveryCore) {
  // Arenas would be too small that took all columns in pairs.
  for (const std::uint64_t seed : {8, 9}) {
    const compress::Int8Network network = random_network(odd_graph(seed), seed);
    const ActivationPlan plan = plan_activations(memory_problem(network));
    const std::vector<RecordedRun> runs = record_runs(network, 3, 2);
    for (const Core& core : cores()) {
      write(deployed(network, "odd"), plan);
      build_firmware(folder_, core);
      EXPECT_EQ(run_firmware(folder_, core, runs).differing, 0) << core.name << ", seed " << seed;
    }
  }
}

TEST_F(Firmware, TheFormulaIsWithinTwoPercentOfTheLinker) {
  const auto compare = [&](const graph::Graph& graph, const std::string& name) {
    const DeployedModel model = deployed(random_network(graph, 5), name);
    write(model, plan_activations(memory_problem(model.network)));
    const LinkedSize size = build_firmware(folder_, *find_core("m4"));
    const Footprint formula = footprint(graph);
    EXPECT_EQ(formula.rom_constants, size.constants) << name;
    EXPECT_EQ(formula.ram_arena, size.statics) << name;
    const double ratio = static_cast<double>(formula.rom()) / static_cast<double>(size.rom());
    EXPECT_NEAR(ratio, 1, 0.02) << name << ": code " << formula.rom_code << ", linked "
                                << size.code;
  };
  for (const char* name : {"resnet8", "ds_cnn", "mobilenet_v3", "resnet18"}) {
    for (const double width : {0.25, 1.0}) {
      compare(models::build_model(
                  {.name = name, .input = {1, 32, 32, 3}, .classes = 10, .width = width}),
              name);
    }
  }
}

TEST_F(Firmware, AByteThatDiffersIsCounted) {
  const DeployedModel model = deployed(random_network(random_graph(3), 3), "small");
  write(model, plan_activations(memory_problem(model.network)));
  build_firmware(folder_, *find_core("m4"));
  std::vector<RecordedRun> runs = record_runs(model.network, 2, 2);
  runs[1].output[0] ^= 1;
  EXPECT_EQ(run_firmware(folder_, *find_core("m4"), runs).differing, 1);
}

TEST_F(Firmware, SaysWhatTheCompilerSays) {
  const DeployedModel model = deployed(random_network(random_graph(3), 3), "small");
  write(model, plan_activations(memory_problem(model.network)));
  std::ofstream(folder_ / "model.c") << "this is no C";
  EXPECT_THROW(build_firmware(folder_, *find_core("m4")), ToolError);
}

TEST(Command, ReportsCodesAndMissingPrograms) {
  EXPECT_EQ(run_command({"sh", "-c", "echo out; echo err >&2; exit 3"}, "/", "sh").code, 3);
  EXPECT_EQ(run_command({"sh", "-c", "echo out; echo err >&2"}, "/", "sh").output, "out\nerr\n");
  EXPECT_EQ(run_command({"sleep", "20"}, "/", "sleep", {}, std::chrono::seconds(1)).code, 124);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(run_command({"sleep", "20"}, "/", "sleep", stop.get_token()), Interrupted);
  try {
    static_cast<void>(run_command({"no-such-program"}, "/", "the-package"));
    FAIL();
  } catch (const MissingTool& error) {
    EXPECT_NE(std::string(error.what()).find("the-package"), std::string::npos);
  }
}

}  // namespace
}  // namespace paretiny::deploy
