#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "kernels/core/random.h"
#include "nas/pareto/hypervolume.h"
#include "nas/problems/problem.h"
#include "tests/support/jsonl.h"
#include "tests/support/shared.h"

namespace paretiny::problems {
namespace {

using Vector = std::vector<double>;

/// The name that makes the problem of a row of the vectors.
std::string name_of(const nlohmann::json& row) {
  const auto name = row.at("problem").get<std::string>();
  const auto d = row.at("d").get<int>();
  const auto m = row.at("m").get<int>();
  if (name.starts_with("ZDT")) return name + ":d=" + std::to_string(d);
  if (name.find("DTLZ") == std::string::npos) return name;
  return name + ":d=" + std::to_string(d) + ",m=" + std::to_string(m);
}

void expect_close(const Vector& ours, const Vector& theirs, double tolerance,
                  const nlohmann::json& id) {
  ASSERT_EQ(ours.size(), theirs.size()) << id;
  for (std::size_t k = 0; k < ours.size(); ++k) {
    EXPECT_NEAR(ours[k], theirs[k], tolerance * (1 + std::abs(theirs[k]))) << id << " " << k;
  }
}

TEST(Problems, ReferenceVectors) {
  const auto file = test::shared("vectors/bo/problems.jsonl.gz");
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is absent";
  std::set<std::string> checked;
  for (const auto& row : read_jsonl_gz(file)) {
    const Problem problem = make_problem(name_of(row));
    const Response ours = problem.evaluate(row.at("x").get<Vector>());
    const bool penicillin = problem.name == "Penicillin";
    expect_close(ours.objectives, row.at("f").get<Vector>(), penicillin ? 1e-9 : 1e-12, row["id"]);
    if (penicillin) {
      EXPECT_EQ(ours.objectives[2], row["f"][2].get<double>()) << row["id"];
    }
    Vector slack = row.contains("slack") ? row["slack"].get<Vector>() : Vector{};
    for (double& s : slack) s = -s;
    expect_close(ours.constraints, slack, 1e-12, row["id"]);
    EXPECT_EQ(problem.reference, row.at("reference").get<Vector>()) << row["id"];
    EXPECT_EQ(problem.lower, row.at("lower").get<Vector>()) << row["id"];
    EXPECT_EQ(problem.upper, row.at("upper").get<Vector>()) << row["id"];
    checked.insert(row.at("problem").get<std::string>());
  }
  EXPECT_FALSE(checked.empty());
}

TEST(Problems, EveryOneIsWhole) {
  for (const std::string& name : problem_names()) {
    const Problem problem = make_problem(name);
    EXPECT_EQ(problem.name.substr(0, problem.name.find(':')), name);
    EXPECT_EQ(make_problem(problem.name).name, problem.name) << "its name makes it again";
    const space::Space space = problem_space(problem);
    ASSERT_EQ(space.parameters().size(), problem.inputs());
    ASSERT_EQ(problem.upper.size(), problem.inputs());
    EXPECT_TRUE(problem.noise.empty() || problem.noise.size() == problem.objectives());
    Random random(1, name);
    for (int i = 0; i < 20; ++i) {
      Vector u(space.dimensions());
      for (double& v : u) v = random.uniform();
      const Vector x = in_units(problem, u);
      ASSERT_EQ(x.size(), problem.inputs());
      for (std::size_t k = 0; k < x.size(); ++k) {
        EXPECT_GE(x[k], problem.lower[k]) << name;
        EXPECT_LE(x[k], problem.upper[k]) << name;
      }
      expect_close(in_units(problem, space.decode(space.snap(u))), x, 1e-6, name);
      const Response e = evaluate_unit(problem, space.snap(u));
      ASSERT_EQ(e.objectives.size(), problem.objectives());
      ASSERT_EQ(e.constraints.size(), problem.constraints);
      for (const double v : e.objectives) EXPECT_TRUE(std::isfinite(v)) << name;
    }
    EXPECT_EQ(problem.max_hypervolume.has_value(), !problem.max_source.empty()) << name;
  }
}

/// Hypervolume of a grid over the first and the second input, all others at `rest`.
double sampled_hypervolume(const Problem& problem, double rest, int first, int second) {
  pareto::Points points;
  for (int i = 0; i <= first; ++i) {
    for (int j = 0; j <= second; ++j) {
      Vector x(problem.inputs(), rest);
      x[0] = static_cast<double>(i) / first;
      if (second > 0) x[1] = static_cast<double>(j) / second;
      const Response e = problem.evaluate(x);
      if (e.constraints.empty() || e.constraints[0] <= 0) points.push_back(e.objectives);
    }
  }
  return pareto::hypervolume(points, problem.reference);
}

TEST(Problems, KnownMaximaAreApproachedFromBelow) {
  struct Case {
    const char* name;
    double rest;  ///< of the inputs behind the front's own
    int first;
    int second;
    double gap;  ///< what a grid may miss
  };
  for (const Case& c :
       {Case{"ZDT1:d=4", 0, 2000, 0, 2e-3}, Case{"ZDT2:d=4", 0, 2000, 0, 2e-3},
        Case{"ZDT3:d=4", 0, 2000, 0, 3e-3}, Case{"DTLZ1:d=4", 0.5, 2000, 0, 1e-3},
        Case{"DTLZ2:d=4", 0.5, 2000, 0, 2e-3}, Case{"DTLZ3:d=4", 0.5, 2000, 0, 2e-3},
        Case{"DTLZ5:d=4", 0.5, 2000, 0, 2e-3}, Case{"DTLZ7:d=4", 0, 2000, 0, 4e-3},
        Case{"C2DTLZ2:d=4", 0.5, 2000, 0, 2e-3}, Case{"DTLZ1:d=5,m=3", 0.5, 80, 80, 0.02},
        Case{"DTLZ2:d=5,m=3", 0.5, 80, 80, 0.04}, Case{"DTLZ5:d=5,m=3", 0.5, 4000, 0, 2e-3},
        Case{"DTLZ7:d=5,m=3", 0, 80, 80, 0.5}}) {
    const Problem problem = make_problem(c.name);
    const double sampled = sampled_hypervolume(problem, c.rest, c.first, c.second);
    ASSERT_TRUE(problem.max_hypervolume) << c.name;
    EXPECT_LE(sampled, *problem.max_hypervolume * (1 + 1e-12)) << c.name;
    EXPECT_GE(sampled, *problem.max_hypervolume - c.gap) << c.name;
  }
}

TEST(Problems, TheTwoDimensionalOneIsLeastAtItsPoint) {
  const Problem problem = make_problem("Synthetic2D");
  const Vector best = problem.evaluate({15, 5}).objectives;
  EXPECT_NEAR(best[0], 0, 1e-12);
  EXPECT_EQ(best[1], 0);
  EXPECT_NEAR(pareto::hypervolume({best}, problem.reference), *problem.max_hypervolume, 1e-9);
  for (const Vector& x : {Vector{14, 5}, Vector{15, 6}, Vector{32, 32}, Vector{0, 0}}) {
    const Vector other = problem.evaluate(x).objectives;
    EXPECT_GT(other[0], 1);
    EXPECT_GT(other[1], 0);
    EXPECT_LE(other[1], 1);
  }
}

/// Values of the suite's own code; constraints as what is missing.
TEST(Problems, RealWorldOnesGiveWhatTheirSuiteGives) {
  struct Case {
    const char* name;
    Vector x;
    Vector objectives;
    Vector missing{};
  };
  for (const Case& c : {
           Case{"FourBarTruss", {1.5, 2, 2.5, 1.25}, {1731.9131909660762, 0.03216176045807952}},
           Case{"ConcreteBeam", {40, 8, 30}, {260.424, 76.36214700000001}},
           Case{"PressureVessel", {13, 7, 60, 150}, {8451.175605468748, 0.48040000000000016}},
           Case{"HatchCover", {1.5, 20}, {2401.5, 0}},
           Case{"HatchCover", {0.7, 3}, {360.7, 2.3945578231292517}},
           Case{"CoilSpring", {9, 1.2, 9}, {1.648840785256991, 156639.28582546412}},
           Case{"CoilSpring", {40, 2.5, 2}, {3.730710463611777, 3747391.927806145}},
           Case{"TwoBarTruss",
                {0.5, 0.001, 1.5},
                {2.1378037119671145, 113.92004993756707, 2.0378037119671144}},
           Case{"GearTrain", {15, 20, 43, 51}, {0.37899999999999956, 51, 0}},
           Case{"RocketInjector",
                {.1, .3, .6, .9},
                {0.46705439999999987, 0.5982539999999998, 0.9296670000000002}},
           Case{"SpeedReducer",
                {3.1, .72, 19, 7.5, 8, 3.3, 5.2},
                {3199.287686175258, 1149.567710212101},
                {0, 0, 0, 0, 0, 0, 0.6944444444444438, 0, 0, 0, 0}},
           Case{"ConstrainedCarSideImpact",
                {.6, 1.2, .7, 1.4, 1, .5, .9},
                {27.661005000000003, 3.8603999999999994, 12.503924999999999},
                {0, 0, 0, 0, 0, 0, 0, 0, 0, 0.020429999999999282}},
       }) {
    const Response ours = make_problem(c.name).evaluate(c.x);
    expect_close(ours.objectives, c.objectives, 1e-12, c.name);
    Vector missing = ours.constraints;
    for (double& g : missing) g = std::max(g, 0.0);
    expect_close(missing, c.missing, 1e-12, c.name);
  }
  const Response ship = make_problem("MarineDesign").evaluate({200, 30, 17, 11, 15, 0.7});
  EXPECT_NEAR(ship.objectives[1], 9482.492233531499, 1e-8);
  for (const double g : ship.constraints) EXPECT_LE(g, 0);
}

/// How many of 20,000 random trials meet all constraints and lie below the reference point.
int below_reference(const Problem& problem) {
  const space::Space space = problem_space(problem);
  Random random(1, problem.name);
  int below = 0;
  for (int i = 0; i < 20000; ++i) {
    Vector u(space.dimensions());
    for (double& v : u) v = random.uniform();
    const Response e = evaluate_unit(problem, u);
    const bool met =
        std::all_of(e.constraints.begin(), e.constraints.end(), [](double g) { return g <= 0; });
    below += met && std::equal(e.objectives.begin(), e.objectives.end(), problem.reference.begin(),
                               std::less<>());
  }
  return below;
}

TEST(Problems, ReferencesAreReachedInTheCollection) {
  const std::vector<std::string> names = problem_collection();
  EXPECT_GE(names.size(), 26u);
  for (const std::string& name : names) {
    const Problem problem = make_problem(name);
    EXPECT_EQ(problem.name, name);
    EXPECT_GT(below_reference(problem), 0) << name;
  }
}

TEST(Problems, OurReferencesAreNeitherFarNorNear) {
  for (const char* name : {"MarineDesign", "SpeedReducer", "WeldedBeamMaterials"}) {
    const int below = below_reference(make_problem(name));
    EXPECT_GT(below, 10) << name;
    EXPECT_LT(below, 16000) << name;
  }
}

TEST(Problems, NoiseFollowsSeedAndTrial) {
  const Problem problem = make_problem("NoisyBraninCurrin");
  const Vector plain{1, 2};
  EXPECT_EQ(measured(make_problem("BraninCurrin"), plain, 1, 1), plain);
  EXPECT_EQ(measured(problem, plain, 1, 1), measured(problem, plain, 1, 1));
  EXPECT_NE(measured(problem, plain, 1, 1), measured(problem, plain, 1, 2));
  EXPECT_NE(measured(problem, plain, 1, 1), measured(problem, plain, 2, 1));
  double squares = 0;
  for (std::uint64_t trial = 0; trial < 1000; ++trial) {
    const double off = measured(problem, plain, 3, trial)[0] - plain[0];
    squares += off * off / 1000;
  }
  EXPECT_NEAR(std::sqrt(squares), problem.noise[0], 0.1 * problem.noise[0]);
}

TEST(Problems, RefusesWhatIsNoProblem) {
  for (const char* text :
       {"DTLZ4", "dtlz2", "", "DTLZ2:", "DTLZ2:d", "DTLZ2:d=", "DTLZ2:d=1.5", "DTLZ2:d=-3",
        "DTLZ2:d=0", "DTLZ2:d=3,m=4", "DTLZ2:m=1", "DTLZ2:k=3", "DTLZ2:d=12,,m=4", "ZDT1:m=2",
        "ZDT1:d=1", "BraninCurrin:d=2", "DTLZ2:d=100000", "DTLZ2:d=12 "}) {
    EXPECT_THROW(make_problem(text), UsageError) << text;
  }
  try {
    make_problem("BraninCurin");
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("'BraninCurrin'"), std::string::npos);
  }
  EXPECT_EQ(make_problem("DTLZ2").name, "DTLZ2:d=11,m=2");
  EXPECT_EQ(make_problem("DTLZ7:m=3").name, "DTLZ7:d=22,m=3");
  EXPECT_EQ(make_problem("ZDT1").name, "ZDT1:d=30");
}

}  // namespace
}  // namespace paretiny::problems
