#include "engine/deploy/plan/activation_order.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace paretiny::deploy {
namespace {

/// States looked at before the given order is kept: a network of few branches has few.
constexpr std::size_t kMostStates = 20000;

using Done = std::vector<bool>;  // by step

/// Readers of each tensor.
std::vector<std::vector<int>> readers_of(const MemoryProblem& problem) {
  std::vector<std::vector<int>> readers(problem.bytes.size());
  for (std::size_t s = 0; s < problem.steps.size(); ++s) {
    for (const int input : problem.steps[s].inputs) {
      readers[static_cast<std::size_t>(input)].push_back(static_cast<int>(s));
    }
  }
  return readers;
}

/// The search over sets of steps done, from none to all.
class OrderSearch {
 public:
  explicit OrderSearch(const MemoryProblem& problem)
      : problem_(problem), readers_(readers_of(problem)) {}

  /// Empty when there are too many sets.
  std::vector<int> run() {
    // Sets of equal size form a layer; each set keeps the best way to it.
    struct Way {
      std::size_t peak;
      std::vector<int> order;
    };
    std::map<Done, Way> layer = {{Done(problem_.steps.size(), false), {0, {}}}};
    std::size_t states = 0;
    for (std::size_t count = 0; count < problem_.steps.size(); ++count) {
      std::map<Done, Way> next;
      for (const auto& [done, way] : layer) {
        for (std::size_t s = 0; s < problem_.steps.size(); ++s) {
          if (done[s] || !ready(done, s)) continue;
          const std::size_t peak = std::max(way.peak, floor(done, s));
          Done after = done;
          after[s] = true;
          const auto found = next.find(after);
          if (found != next.end() && found->second.peak <= peak) continue;
          Way longer{peak, way.order};
          longer.order.push_back(static_cast<int>(s));
          next.insert_or_assign(std::move(after), std::move(longer));
        }
      }
      states += next.size();
      if (states > kMostStates) return {};
      layer = std::move(next);
    }
    return layer.begin()->second.order;
  }

  std::size_t peak(const std::vector<int>& order) const {
    Done done(problem_.steps.size(), false);
    std::size_t most = 0;
    for (const int s : order) {
      most = std::max(most, floor(done, static_cast<std::size_t>(s)));
      done[static_cast<std::size_t>(s)] = true;
    }
    return most;
  }

 private:
  bool ready(const Done& done, std::size_t step) const {
    for (std::size_t s = 0; s < problem_.steps.size(); ++s) {
      if (!done[s] && reads(step, problem_.steps[s].output)) return false;
    }
    return true;
  }

  bool reads(std::size_t step, int tensor) const {
    const std::vector<int>& inputs = problem_.steps[step].inputs;
    return std::find(inputs.begin(), inputs.end(), tensor) != inputs.end();
  }

  bool read_later(const Done& done, std::size_t step, int tensor) const {
    for (const int reader : readers_[static_cast<std::size_t>(tensor)]) {
      const auto r = static_cast<std::size_t>(reader);
      if (r != step && !done[r]) return true;
    }
    return false;
  }

  std::size_t floor(const Done& done, std::size_t step) const {
    const MemoryStep& now = problem_.steps[step];
    std::size_t others =
        now.scratch == kNoScratch ? 0 : problem_.bytes[static_cast<std::size_t>(now.scratch)];
    const auto count_if_alive = [&](int tensor) {
      if (tensor == now.output || reads(step, tensor)) return;
      if (read_later(done, step, tensor))
        others += problem_.bytes[static_cast<std::size_t>(tensor)];
    };
    count_if_alive(0);
    for (std::size_t s = 0; s < done.size(); ++s) {
      if (done[s]) count_if_alive(problem_.steps[s].output);
    }
    std::vector<bool> dies;
    for (const int input : now.inputs) dies.push_back(!read_later(done, step, input));
    return step_floor(problem_, now, dies, others);
  }

  const MemoryProblem& problem_;
  const std::vector<std::vector<int>> readers_;
};

}  // namespace

std::vector<Lifetime> lifetimes(const MemoryProblem& problem, const std::vector<int>& order) {
  std::vector<Lifetime> lives(problem.bytes.size());
  const auto end = static_cast<int>(order.size()) - 1;
  for (int position = 0; position <= end; ++position) {
    const MemoryStep& step = problem.steps[static_cast<std::size_t>(order[position])];
    for (const int input : step.inputs) lives[static_cast<std::size_t>(input)].last = position;
    lives[static_cast<std::size_t>(step.output)] = {position, position};
    if (step.scratch != kNoScratch) {
      lives[static_cast<std::size_t>(step.scratch)] = {position, position};
    }
  }
  lives[static_cast<std::size_t>(problem.steps.back().output)].last = end;
  return lives;
}

std::size_t step_floor(const MemoryProblem& problem, const MemoryStep& step,
                       const std::vector<bool>& dies, std::size_t others) {
  const std::size_t out = problem.bytes[static_cast<std::size_t>(step.output)];
  std::size_t before = others;  // the output does not exist yet
  std::size_t kept = others;    // what its memory may not touch
  std::size_t together = 0;     // the output and an input that it may lie over
  std::vector<int> seen;
  for (std::size_t i = 0; i < step.inputs.size(); ++i) {
    if (std::find(seen.begin(), seen.end(), step.inputs[i]) != seen.end()) continue;
    seen.push_back(step.inputs[i]);
    const std::size_t in = problem.bytes[static_cast<std::size_t>(step.inputs[i])];
    before += in;
    const std::size_t lead = step.lead_over(step.inputs[i]);
    if (!dies[i] || lead == kNoOverlap) {
      kept += in;
    } else {
      together = std::max(together, std::min(lead, out) + in);
    }
  }
  return std::max({before, kept + out, kept + together});
}

std::vector<int> smallest_order(const MemoryProblem& problem) {
  std::vector<int> given(problem.steps.size());
  std::iota(given.begin(), given.end(), 0);
  OrderSearch search(problem);
  std::vector<int> found = search.run();
  return !found.empty() && search.peak(found) < search.peak(given) ? found : given;
}

}  // namespace paretiny::deploy
