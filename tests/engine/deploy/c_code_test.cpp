// Generated C, compiled for this machine with every warning an error and under sanitizers, against
// the int8 network that it was generated from.
#include "engine/deploy/code/c_code.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "engine/deploy/plan/memory_problem.h"
#include "tests/engine/deploy/exported_folder.h"
#include "tests/engine/deploy/odd_network.h"

namespace paretiny::deploy {
namespace {

using namespace test;

class CCode : public ExportedFolder {
 protected:
  /// Exit code of the host test of a model.
  int compile_and_run(const DeployedModel& model, const ActivationPlan& plan,
                      const std::string& compiler, const std::string& options) {
    put(c_code(model, plan, record_runs(model.network, 8, 1)));
    const std::string at = folder_.string();
    const std::string build = compiler + " -std=c99 -pedantic -Wall -Wextra -Wconversion -Werror " +
                              options + " " + at + "/*.c " + at + "/test/host_test.c -o " + at +
                              "/test_program";
    if (std::system(build.c_str()) != 0) return -1;
    return std::system((at + "/test_program > /dev/null").c_str());
  }

  static ActivationPlan plan_of(const compress::Int8Network& network) {
    return plan_activations(memory_problem(network));
  }
};

bool available(const std::string& compiler) {
  return std::system((compiler + " --version > /dev/null 2>&1").c_str()) == 0;
}

TEST_F(CCode, ModelsGiveEveryByteOfTheirInt8Networks) {
  for (const char* name : {"resnet8", "ds_cnn", "mobilenet_v3"}) {
    const graph::Graph graph =
        models::build_model({.name = name, .input = {1, 32, 32, 3}, .classes = 10, .width = 0.5});
    const DeployedModel model = deployed(calibrated_network(graph, 3), name);
    EXPECT_EQ(compile_and_run(model, plan_of(model.network), PARETINY_CC, "-O2"), 0) << name;
  }
}

TEST_F(CCode, RandomNetworksRunUnderSanitizers) {
  for (std::uint64_t seed = 0; seed < 18; ++seed) {
    const graph::Graph graph = seed % 3 == 0 ? random_graph(seed) : odd_graph(seed);
    const DeployedModel model = deployed(random_network(graph, seed), "random");
    EXPECT_EQ(compile_and_run(model, plan_of(model.network), PARETINY_CC,
                              "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"),
              0)
        << seed;
  }
}

TEST_F(CCode, AStemThatLeavesItsLeftColumnAlone) {
  // 24 channels become 8, in windows of 216 taps; and 9 become 16, at half the columns.
  for (const bool halves : {false, true}) {
    graph::Graph graph;
    const Shape in{1, 12, 13, halves ? 9 : 24};
    graph::NodeId x = graph.input(in);
    const std::int64_t stride = halves ? 2 : 1;
    x = graph.conv("stem", x, halves ? 16 : 8, nn::Window::same(in.h, in.w, 3, 3, stride, stride),
                   true);
    graph.fully_connected("logits", graph.global_average_pool("pool", x), 4);
    const DeployedModel model = deployed(calibrated_network(graph, 3), "stem");
    EXPECT_EQ(compile_and_run(model, plan_of(model.network), PARETINY_CC, "-O2"), 0) << halves;
  }
}

TEST_F(CCode, ClangAgrees) {
  if (!available("clang")) GTEST_SKIP() << "no clang here";
  const DeployedModel model = deployed(random_network(random_graph(100), 100), "random");
  EXPECT_EQ(compile_and_run(model, plan_of(model.network), "clang", "-O2"), 0);
}

TEST_F(CCode, APlanThatOverwritesTooSoonShows) {
  const graph::Graph graph =
      models::build_model({.name = "resnet8", .input = {1, 32, 32, 3}, .classes = 10});
  const DeployedModel model = deployed(random_network(graph, 3), "overwritten");
  ActivationPlan plan = plan_of(model.network);
  std::fill(plan.offsets.begin(), plan.offsets.end(), 0);
  EXPECT_GT(compile_and_run(model, plan, PARETINY_CC, "-O1"), 0);
}

TEST_F(CCode, AProgramThatCMakeLinksHasNothingOfTheRuntimeThatIsNotCalled) {
  if (!available("cmake") || !available("nm")) GTEST_SKIP() << "no cmake or nm here";
  graph::Graph graph;
  const graph::NodeId x = graph.input({1, 4, 4, 3});
  const graph::NodeId sum = graph.add("sum", x, graph.conv("conv", x, 3, nn::Window{}));
  graph.fully_connected("logits", graph.global_average_pool("mean", sum), 2);
  const DeployedModel model = deployed(random_network(graph, 1), "small");
  put(c_code(model, plan_of(model.network), record_runs(model.network, 2, 1)));
  const std::string at = folder_.string();
  ASSERT_EQ(std::system(("cmake -S " + at + " -B " + at +
                         "/build -DCMAKE_C_COMPILER=" PARETINY_CC " -DCMAKE_BUILD_TYPE=Release > " +
                         at + "/log && cmake --build " + at + "/build > " + at + "/log && " + at +
                         "/build/host_test > " + at + "/log && nm " + at + "/build/host_test > " +
                         at + "/symbols")
                            .c_str()),
            0);
  std::ifstream file(folder_ / "symbols");
  const std::string symbols{std::istreambuf_iterator<char>(file), {}};
  // Each of the others lies in a file with one of these.
  for (const char* called : {"pt_add", "pt_mean"}) {
    EXPECT_NE(symbols.find(called), std::string::npos) << called;
  }
  for (const char* other : {"pt_lookup", "pt_scale", "pt_max_pool", "pt_average_pool"}) {
    EXPECT_EQ(symbols.find(other), std::string::npos) << other;
  }
}

TEST(MemoryProblem, GraphAndIntegersAskForTheSame) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    const graph::Graph graph = seed % 3 == 0   ? random_graph(seed)
                               : seed % 3 == 1 ? odd_graph(seed)
                                               : tangled_graph(seed);
    const MemoryProblem before = memory_problem(graph);
    const MemoryProblem after = memory_problem(random_network(graph, seed));
    ASSERT_EQ(before.bytes, after.bytes) << seed;
    ASSERT_EQ(before.steps.size(), after.steps.size()) << seed;
    for (std::size_t i = 0; i < before.steps.size(); ++i) {
      EXPECT_EQ(before.steps[i].inputs, after.steps[i].inputs) << seed;
      EXPECT_EQ(before.steps[i].leads, after.steps[i].leads) << seed;
      EXPECT_EQ(before.steps[i].output, after.steps[i].output) << seed;
    }
  }
}

}  // namespace
}  // namespace paretiny::deploy
