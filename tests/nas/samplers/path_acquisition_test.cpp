#include "nas/samplers/acquisition/path_acquisition.h"

#include "kernels/core/random.h"
#include "nas/pareto/hypervolume.h"
#include "tests/nas/samplers/sampler_runs.h"

namespace paretiny::samplers {
namespace {

using namespace test;  // NOLINT

class PathAcquisitionTest : public testing::Test {
 protected:
  PathAcquisitionTest() {
    problem_.limits = {2, 0.6};
    problem_.reference = {1, 1};
    history_ = run(*make_sampler("random", problem_), 14, [](const Vector& x) {
      const Vector y = spheres(x);
      return finished({3 * y[0], 3 * y[1]});
    });
    history_[3] = {history_[3].x, Outcome::failed};
    history_[5] = {history_[5].x, Outcome::pending};
  }

  /// Compares the gradient with finite differences at points in the cube.
  void expect_gradient(const PathAcquisition& acquisition) const {
    Random random(5, "path acquisition test");
    surrogate::RowMatrix points =
        surrogate::RowMatrix::NullaryExpr(6, 2, [&] { return random.uniform(0.05, 0.95); });
    surrogate::RowMatrix gradients(6, 2);
    const Eigen::VectorXd values = acquisition(points, &gradients);
    EXPECT_EQ(values, acquisition(points, nullptr));
    for (Eigen::Index i = 0; i < 6; ++i) {
      EXPECT_TRUE(std::isfinite(values(i)));
      for (Eigen::Index k = 0; k < 2; ++k) {
        const double at = points(i, k);
        points(i, k) = at + 1e-6;
        const double above = acquisition(points, nullptr)(i);
        points(i, k) = at - 1e-6;
        const double below = acquisition(points, nullptr)(i);
        points(i, k) = at;
        const double slope = (above - below) / 2e-6;
        EXPECT_NEAR(gradients(i, k), slope, 1e-3 * std::max(1.0, std::abs(slope)));
      }
    }
  }

  SamplerProblem problem_ = reals(2, 2);
  History history_;
  std::unique_ptr<Stream> stream_ = Stream::create({});
  /// One with a heavy tail, one without.
  std::vector<ObjectiveTransform> transforms_{
      ObjectiveTransform({0.01, 0.02, 0.03, 0.05, 0.08, 0.15, 0.3, 0.6, 2, 8}, 9, kNone,
                         Beyond::logarithmic),
      {}};
};

TEST_F(PathAcquisitionTest, GradientsAgreeWithFiniteDifferences) {
  const Knowledge knowledge(problem_, history_);
  const surrogate::Surrogates surrogates(*stream_, knowledge.sets);
  const surrogate::PosteriorPaths paths(surrogates, 12, 3);
  expect_gradient({knowledge, paths, surrogates, nullptr});
  expect_gradient(
      {knowledge, paths, surrogates, scalarised_gain(knowledge, surrogates, paths, {0.3, 0.7})});
  expect_gradient(
      {knowledge, paths, surrogates,
       hypervolume_gain(knowledge, surrogates, paths, transforms_, problem_.reference)});
}

/// Of any number of objectives: loops over few of them are unrolled, over more they are not.
class HypervolumeGainTest : public testing::TestWithParam<int> {
 protected:
  HypervolumeGainTest() {
    history_ = run(*make_sampler("random", problem_), 14, [&](const Vector& x) {
      Vector y;
      for (std::size_t k = 0; k < problem_.objectives; ++k) {
        const double off = x[0] - static_cast<double>(k) / 5;
        y.push_back(off * off + std::abs(x[1] - static_cast<double>(k % 3) / 2));
      }
      return finished(y);
    });
  }

  SamplerProblem problem_ = reals(2, static_cast<std::size_t>(GetParam()));
  History history_;
  std::unique_ptr<Stream> stream_ = Stream::create({});
  Random random_{6, "hypervolume gain test"};
};

/// A draw's gain is in proportion to the hypervolume that its objectives add to those of its
/// baseline.
TEST_P(HypervolumeGainTest, IsTheHypervolumeGained) {
  const Knowledge knowledge(problem_, history_);
  const surrogate::Surrogates surrogates(*stream_, knowledge.sets);
  const surrogate::PosteriorPaths paths(surrogates, 4, 3);
  // One of several with a heavy tail.
  std::vector<ObjectiveTransform> transforms(problem_.objectives);
  if (transforms.size() > 1)
    transforms[0] = ObjectiveTransform({0.01, 0.02, 0.03, 0.05, 0.08, 0.15, 0.3, 0.6, 2, 8}, 9,
                                       kNone, Beyond::logarithmic);
  const auto gain = hypervolume_gain(knowledge, surrogates, paths, transforms, problem_.reference);
  const surrogate::RowMatrix points = baseline(knowledge);
  const surrogate::RowMatrix values = paths.values(points);
  const auto share = [&](std::size_t k, double standardised) {
    return transforms[k].share(surrogates.standard(k).back(standardised));
  };
  Vector reference;
  for (const ObjectiveTransform& transform : transforms) reference.push_back(transform.share(1));
  const auto m = static_cast<Eigen::Index>(problem_.objectives);
  std::vector<double> expected, gained;
  for (std::size_t p = 0; p < 4; ++p) {
    pareto::Points front;
    for (Eigen::Index i = 0; i < points.rows(); ++i) {
      Vector& y = front.emplace_back();
      for (Eigen::Index k = 0; k < m; ++k) {
        y.push_back(share(static_cast<std::size_t>(k),
                          values(k * points.rows() + i, static_cast<Eigen::Index>(p))));
      }
    }
    const double before = pareto::hypervolume(front, reference);
    const surrogate::RowMatrix y =
        surrogate::RowMatrix::NullaryExpr(m, 10, [&] { return random_.uniform(-4, 1); });
    const Eigen::VectorXd logs = (*gain)(p, y, nullptr);
    for (Eigen::Index i = 0; i < 10; ++i) {
      pareto::Points more = front;
      Vector& added = more.emplace_back();
      for (Eigen::Index k = 0; k < m; ++k) {
        added.push_back(share(static_cast<std::size_t>(k), y(k, i)));
      }
      expected.push_back(pareto::hypervolume(more, reference) - before);
      gained.push_back(std::exp(logs(i)));
    }
  }
  const auto largest = std::max_element(expected.begin(), expected.end()) - expected.begin();
  const double unit = expected[largest] / gained[largest];
  int clear = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(gained[i] * unit, expected[i], 0.02 * expected[largest]);
    clear += expected[i] > 0.1 * expected[largest] ? 1 : 0;
  }
  EXPECT_GE(clear, 4);
}

TEST_P(HypervolumeGainTest, SlopesAgreeWithFiniteDifferences) {
  const Knowledge knowledge(problem_, history_);
  const surrogate::Surrogates surrogates(*stream_, knowledge.sets);
  const surrogate::PosteriorPaths paths(surrogates, 4, 3);
  const std::vector<ObjectiveTransform> transforms(problem_.objectives);
  const auto gain = hypervolume_gain(knowledge, surrogates, paths, transforms, problem_.reference);
  surrogate::RowMatrix y =
      surrogate::RowMatrix::NullaryExpr(GetParam(), 10, [&] { return random_.uniform(-2, 1); });
  surrogate::RowMatrix slopes;
  const Eigen::VectorXd logs = (*gain)(0, y, &slopes);
  EXPECT_EQ(logs, (*gain)(0, y, nullptr));
  for (Eigen::Index k = 0; k < y.rows(); ++k) {
    const double step = 1e-7;
    y.row(k).array() += step;
    const Eigen::VectorXd above = (*gain)(0, y, nullptr);
    y.row(k).array() -= 2 * step;
    const Eigen::VectorXd below = (*gain)(0, y, nullptr);
    y.row(k).array() += step;
    for (Eigen::Index i = 0; i < y.cols(); ++i) {
      const double slope = (above(i) - below(i)) / (2 * step);
      EXPECT_NEAR(slopes(k, i), slope, 1e-4 * std::max(1.0, std::abs(slope))) << k << ", " << i;
    }
  }
}

/// A sum whose order follows the alignment of what is added differs from one process to the next,
/// and so did searches with the same seed. Not every sum's rounding shows it: several histories.
TEST_P(HypervolumeGainTest, DoesNotDependOnWhereMemoryLies) {
  const std::vector<ObjectiveTransform> transforms(problem_.objectives);
  std::vector<std::unique_ptr<char[]>> blocks;
  for (int i = 0; i < 20; ++i) {
    Vector y(problem_.objectives);
    for (double& value : y) value = random_.uniform(0.1, 0.9);
    history_.push_back(finished(y));
    history_.back().x = {random_.uniform(), random_.uniform()};
    const Knowledge knowledge(problem_, history_);
    const surrogate::Surrogates surrogates(*stream_, knowledge.sets);
    const surrogate::PosteriorPaths paths(surrogates, 1, 3);
    const surrogate::RowMatrix point =
        surrogate::RowMatrix::NullaryExpr(GetParam(), 1, [&] { return random_.uniform(-2, 1); });
    std::set<double> logs;
    for (int k = 0; k < 10; ++k) {
      // Holes of many sizes: what comes next lies at any multiple of 16 bytes.
      for (int block = 0; block < 100; ++block) {
        blocks.push_back(std::make_unique<char[]>(16 * (1 + random_() % 40)));
      }
      for (std::size_t block = 0; block < blocks.size(); block += 2) blocks[block].reset();
      const auto gain =
          hypervolume_gain(knowledge, surrogates, paths, transforms, problem_.reference);
      logs.insert((*gain)(0, point, nullptr)(0));
    }
    EXPECT_EQ(logs.size(), 1u) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Objectives, HypervolumeGainTest, testing::Range(1, 7));

TEST_F(PathAcquisitionTest, TheBaselineIsFeasibleOrPending) {
  const Knowledge knowledge(problem_, history_);
  std::size_t feasible = 0;
  for (const Knowledge::MeasuredTrial& t : knowledge.trials) feasible += t.violation == 0 ? 1 : 0;
  EXPECT_EQ(baseline(knowledge).rows(), static_cast<Eigen::Index>(feasible + 1));
  EXPECT_LT(feasible, knowledge.trials.size());
  EXPECT_EQ(knowledge.failed.rows(), 1);
}

}  // namespace
}  // namespace paretiny::samplers
