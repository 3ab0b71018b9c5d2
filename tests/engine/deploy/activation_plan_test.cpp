#include "engine/deploy/plan/activation_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "engine/deploy/plan/memory_problem.h"
#include "engine/models/model.h"
#include "kernels/core/random.h"

namespace paretiny::deploy {
namespace {

/// Runs a plan on tensors of bytes that are drawn when they are written: every input must still
/// hold them when it is read, with the step's scratch memory written before and whole after it.
class Machine {
 public:
  explicit Machine(const MemoryProblem& problem, const ActivationPlan& plan)
      : problem_(problem), plan_(plan), owner_(plan.bytes, -1) {
    write(0);
  }

  void run() {
    std::vector<bool> done(problem_.bytes.size(), false);
    done[0] = true;
    for (std::size_t position = 0; position < plan_.order.size(); ++position) {
      const MemoryStep& step = problem_.steps[static_cast<std::size_t>(plan_.order[position])];
      if (step.scratch != kNoScratch) write(step.scratch);
      for (std::size_t i = 0; i < step.inputs.size(); ++i) {
        const int input = step.inputs[i];
        ASSERT_TRUE(done[static_cast<std::size_t>(input)]) << "step before its input";
        expect_whole(input, plan_.order[position]);
        // Where they share bytes, the output keeps its lead or the input is read again.
        const bool apart = offset(step.output) + bytes(step.output) <= offset(input) ||
                           offset(input) + bytes(input) <= offset(step.output);
        if (!apart) {
          ASSERT_NE(step.lead_over(input), kNoOverlap);
          ASSERT_LE(offset(step.output) + step.lead_over(input), offset(input));
        }
      }
      write(step.output);
      if (step.scratch != kNoScratch) expect_whole(step.scratch, plan_.order[position]);
      done[static_cast<std::size_t>(step.output)] = true;
    }
  }

 private:
  std::size_t offset(int t) const { return plan_.offsets[static_cast<std::size_t>(t)]; }
  std::size_t bytes(int t) const { return problem_.bytes[static_cast<std::size_t>(t)]; }
  void expect_whole(int t, int step) {
    for (std::size_t k = 0; k < bytes(t); ++k) ASSERT_EQ(owner_[offset(t) + k], t) << step;
  }
  void write(int t) {
    ASSERT_LE(offset(t) + bytes(t), owner_.size());
    std::fill_n(owner_.begin() + static_cast<std::ptrdiff_t>(offset(t)), bytes(t), t);
  }

  const MemoryProblem& problem_;
  const ActivationPlan& plan_;
  std::vector<int> owner_;
};

MemoryProblem random_problem(std::uint64_t seed) {
  Random random(seed, "memory problem");
  MemoryProblem problem;
  const auto size = [&] { return static_cast<std::size_t>(1 + random.below(200)); };
  problem.bytes.push_back(size());
  const std::uint64_t steps = 2 + random.below(9);
  for (std::uint64_t s = 0; s < steps; ++s) {
    MemoryStep step;
    const auto count = static_cast<int>(problem.bytes.size());
    // The newest tensor is always read, so that every step matters.
    step.inputs.push_back(count - 1);
    if (random.below(3) == 0)
      step.inputs.push_back(static_cast<int>(random.below(problem.bytes.size())));
    for (std::size_t i = 0; i < step.inputs.size(); ++i) {
      const bool overlap = random.below(2) == 0;
      step.leads.push_back(overlap ? static_cast<std::size_t>(random.below(60)) : kNoOverlap);
    }
    step.output = count;
    problem.bytes.push_back(size());
    problem.steps.push_back(step);
  }
  return problem;
}

TEST(ActivationPlan, NothingIsOverwrittenBeforeItWasRead) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const MemoryProblem problem = random_problem(seed);
    const ActivationPlan plan = plan_activations(problem);
    SCOPED_TRACE(seed);
    Machine(problem, plan).run();
    for (const std::size_t offset : plan.offsets) EXPECT_EQ(offset % 4, 0u);
  }
}

TEST(ActivationPlan, ScratchLiesApartFromWhatIsAlive) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    MemoryProblem problem = random_problem(seed);
    Random random(seed, "scratch");
    for (MemoryStep& step : problem.steps) {
      if (random.below(2) == 0) continue;
      step.scratch = static_cast<int>(problem.bytes.size());
      problem.bytes.push_back(static_cast<std::size_t>(1 + random.below(200)));
    }
    const ActivationPlan plan = plan_activations(problem);
    SCOPED_TRACE(seed);
    Machine(problem, plan).run();
    ASSERT_EQ(plan.scratch.size(), problem.steps.size());
    for (std::size_t s = 0; s < problem.steps.size(); ++s) {
      const int scratch = problem.steps[s].scratch;
      const std::size_t bytes =
          scratch == kNoScratch ? 0 : problem.bytes[static_cast<std::size_t>(scratch)];
      EXPECT_EQ(plan.scratch[s].bytes, bytes);
      EXPECT_LE(plan.scratch[s].offset + bytes, plan.bytes);
    }
  }
}

/// The least arena of an order by trying every way to stack the tensors.
std::size_t smallest(const MemoryProblem& problem, const std::vector<int>& order) {
  const std::size_t count = problem.bytes.size();
  std::vector<int> first(count, 0), last(count, 0);
  for (std::size_t p = 0; p < order.size(); ++p) {
    const MemoryStep& step = problem.steps[static_cast<std::size_t>(order[p])];
    for (const int input : step.inputs) last[static_cast<std::size_t>(input)] = static_cast<int>(p);
    first[static_cast<std::size_t>(step.output)] = last[static_cast<std::size_t>(step.output)] =
        static_cast<int>(p);
  }
  last[static_cast<std::size_t>(problem.steps.back().output)] = static_cast<int>(order.size()) - 1;
  const auto above = [&](std::size_t a, std::size_t b) {
    std::size_t distance = problem.bytes[a];
    for (const MemoryStep& step : problem.steps) {
      if (static_cast<std::size_t>(step.output) != a) continue;
      const bool reads =
          std::count(step.inputs.begin(), step.inputs.end(), static_cast<int>(b)) > 0;
      if (reads && last[b] == first[a]) {
        distance = std::min(distance, step.lead_over(static_cast<int>(b)));
      }
    }
    return distance;
  };
  std::vector<std::size_t> stack(count);
  std::iota(stack.begin(), stack.end(), std::size_t{0});
  std::size_t best = kNoOverlap;
  do {
    std::vector<std::size_t> offset(count, 0);
    std::size_t top = 0;
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const std::size_t a = stack[j], b = stack[i];
        if (first[a] > last[b] || first[b] > last[a]) continue;
        offset[b] = std::max(offset[b], offset[a] + above(a, b));
      }
      top = std::max(top, offset[stack[i]] + problem.bytes[stack[i]]);
    }
    best = std::min(best, top);
  } while (std::next_permutation(stack.begin(), stack.end()));
  return best;
}

TEST(ActivationPlan, IsTheSmallestThereIs) {
  for (std::uint64_t seed = 1000; seed < 1060; ++seed) {
    MemoryProblem problem = random_problem(seed);
    while (problem.bytes.size() > 7) {
      problem.bytes.pop_back();
      problem.steps.pop_back();
    }
    const ActivationPlan plan = plan_activations(problem, 1);
    EXPECT_TRUE(plan.optimal) << seed;
    EXPECT_EQ(plan.bytes, smallest(problem, plan.order)) << seed;
  }
}

TEST(ActivationPlan, ABranchIsFinishedBeforeTheOtherBegins) {
  // Two branches, each with a large tensor in its middle, from one input into one sum.
  MemoryProblem problem;
  problem.bytes = {10, 1000, 1000, 10, 10, 10};
  problem.steps = {{{0}, {kNoOverlap}, 1},
                   {{0}, {kNoOverlap}, 2},
                   {{1}, {kNoOverlap}, 3},
                   {{2}, {kNoOverlap}, 4},
                   {{3, 4}, {0, 0}, 5}};
  const ActivationPlan plan = plan_activations(problem);
  EXPECT_LT(plan.bytes, 1100u);
  EXPECT_EQ(plan.order.size(), 5u);
  Machine(problem, plan).run();
}

TEST(MemoryProblem, MobileNetsPeakIsBelowTheSumOfItsTensors) {
  // MobileNetV1-0.25 at 96x96: 8 channels become 16 at 48x48, the peak of planners that keep
  // tensors apart.
  graph::Graph graph;
  graph::NodeId x = graph.input({1, 96, 96, 3});
  x = graph.conv("stem", x, 8, nn::Window::same(96, 96, 3, 3, 2, 2));
  x = graph.depthwise("dw1", x, nn::Window::same(48, 48, 3, 3, 1, 1));
  x = graph.conv("pw1", x, 16, nn::Window{});
  x = graph.depthwise("dw2", x, nn::Window::same(48, 48, 3, 3, 2, 2));
  x = graph.conv("pw2", x, 32, nn::Window{});
  x = graph.global_average_pool("pool", x);
  graph.fully_connected("logits", x, 2);
  const MemoryProblem sliding = memory_problem(graph);
  const ActivationPlan plan = plan_activations(sliding);
  Machine(sliding, plan).run();
  EXPECT_EQ(plan.liveness, 55296u);
  EXPECT_LT(plan.bytes, 40000u);
  EXPECT_TRUE(plan.optimal);
  EXPECT_EQ(plan_activations(memory_problem(graph, Overlap::elementwise)).bytes, 55296u);
}

TEST(MemoryProblem, EveryModelIsPlannedNoLargerThanItsLiveness) {
  for (const char* name : {"resnet8", "resnet18", "ds_cnn", "mobilenet_v3"}) {
    const graph::Graph graph =
        models::build_model({.name = name, .input = {1, 32, 32, 3}, .classes = 10});
    const MemoryProblem problem = memory_problem(graph);
    const ActivationPlan plan = plan_activations(problem);
    Machine(problem, plan).run();
    EXPECT_LE(plan.bytes, plan.liveness) << name;
  }
}

}  // namespace
}  // namespace paretiny::deploy
