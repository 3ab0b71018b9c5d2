// An export's own test, as `export` runs it before it says done.
#include "engine/deploy/code/host_check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/error.h"
#include "engine/deploy/plan/memory_problem.h"
#include "tests/engine/deploy/exported_folder.h"
#include "tests/engine/deploy/random_network.h"

namespace paretiny::deploy {
namespace {

using namespace test;

class HostCheck : public ExportedFolder {
 protected:
  HostCheck() : model_(deployed(random_network(graph(), 3), "checked")) {}

  static graph::Graph graph() {
    graph::Graph graph;
    graph::NodeId x = graph.input({1, 9, 9, 5});
    x = graph.conv("conv", x, 6, nn::Window::same(9, 9, 3, 3, 1, 1), true);
    graph.fully_connected("logits", x, 4);
    return graph;
  }

  void write(const ActivationPlan& plan) {
    put(c_code(model_, plan, record_runs(model_.network, 4, 1)));
  }

  ActivationPlan plan() const { return plan_activations(memory_problem(model_.network)); }

  std::string fault() const {
    try {
      return "none: " + check_on_host(folder_);
    } catch (const Error& error) {
      return error.what();
    }
  }

  std::ptrdiff_t files() const {
    return std::distance(std::filesystem::recursive_directory_iterator(folder_), {});
  }

  const DeployedModel model_;
};

TEST_F(HostCheck, RightBytesPassAndLeaveNothing) {
  write(plan());
  const std::ptrdiff_t before = files();
  EXPECT_EQ(check_on_host(folder_), "");
  EXPECT_EQ(files(), before);
}

TEST_F(HostCheck, APlanThatOverwritesTooSoonShows) {
  ActivationPlan wrong = plan();
  std::fill(wrong.offsets.begin(), wrong.offsets.end(), 0);
  write(wrong);
  const std::string told = fault();
  EXPECT_NE(told.find("gives other bytes"), std::string::npos) << told;
  EXPECT_NE(told.find("4 runs, "), std::string::npos) << told;
  EXPECT_EQ(told.find('\n'), std::string::npos);
}

TEST_F(HostCheck, CodeThatDoesNotCompileShows) {
  write(plan());
  std::ofstream(folder_ / "model.c", std::ios::app) << "\nint x = y;\n";
  const std::string told = fault();
  EXPECT_NE(told.find("does not compile"), std::string::npos) << told;
  EXPECT_NE(told.find("error"), std::string::npos) << told;
  EXPECT_EQ(told.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace paretiny::deploy
