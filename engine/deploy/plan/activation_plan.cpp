#include "engine/deploy/plan/activation_plan.h"

#include <algorithm>
#include <numeric>

#include "engine/deploy/plan/activation_order.h"
#include "kernels/core/host_device.h"

namespace paretiny::deploy {
namespace {

/// Placements tried before the best known plan is taken.
constexpr std::int64_t kMostTrials = 20000;

/// Tensors to place: how far above tensor a tensor b must begin when it does not lie below it.
class Placement {
 public:
  Placement(const MemoryProblem& problem, const std::vector<int>& order, std::size_t alignment)
      : bytes_(problem.bytes), alignment_(alignment), count_(problem.bytes.size()) {
    const std::vector<Lifetime> lives = lifetimes(problem, order);
    for (const Lifetime& life : lives) births_.push_back(life.first);
    distance_.assign(count_ * count_, kNoOverlap);
    for (std::size_t a = 0; a < count_; ++a) {
      for (std::size_t b = 0; b < count_; ++b) {
        if (a == b || lives[a].first > lives[b].last || lives[b].first > lives[a].last) continue;
        distance_[a * count_ + b] = round_up(bytes_[a], alignment);
      }
    }
    for (std::size_t position = 0; position < order.size(); ++position) {
      const MemoryStep& step = problem.steps[static_cast<std::size_t>(order[position])];
      const auto out = static_cast<std::size_t>(step.output);
      std::vector<bool> dies;
      std::size_t alive = 0;
      std::size_t others = 0;
      for (std::size_t t = 0; t < count_; ++t) {
        const auto now = static_cast<int>(position);
        if (lives[t].first > now || now > lives[t].last) continue;
        alive += round_up(bytes_[t], alignment);
        const bool mine = t == out || std::find(step.inputs.begin(), step.inputs.end(),
                                                static_cast<int>(t)) != step.inputs.end();
        if (!mine) others += bytes_[t];
      }
      for (std::size_t i = 0; i < step.inputs.size(); ++i) {
        const auto in = static_cast<std::size_t>(step.inputs[i]);
        dies.push_back(lives[in].last == static_cast<int>(position));
        const std::size_t lead = step.lead_over(step.inputs[i]);
        if (!dies.back() || lead == kNoOverlap) continue;
        std::size_t& above = distance_[out * count_ + in];
        above = std::min(above, round_up(lead, alignment));
      }
      liveness_ = std::max(liveness_, alive);
      const std::size_t least = step_floor(problem, step, dies, others);
      floor_ = std::max(floor_, round_up(least, alignment));
    }
  }

  std::size_t liveness() const { return liveness_; }
  std::size_t bytes() const { return best_; }
  const std::vector<std::size_t>& offsets() const { return best_offsets_; }
  /// No plan is smaller.
  bool proved() const { return trials_ < kMostTrials || best_ <= floor_; }

  void search() {
    greedy();
    offsets_.assign(count_, 0);
    placed_.assign(count_, false);
    if (best_ > floor_) stack(0, 0, 0);
  }

 private:
  bool conflict(std::size_t a, std::size_t b) const {
    return distance_[a * count_ + b] != kNoOverlap;
  }
  std::size_t above(std::size_t a, std::size_t b) const { return distance_[a * count_ + b]; }

  /// Tensors by turn, each at the lowest offset where it fits between those that are there.
  std::vector<std::size_t> place(const std::vector<std::size_t>& turns) {
    std::vector<std::size_t> offsets(count_, 0);
    std::vector<std::size_t> there;
    std::size_t height = 0;
    for (const std::size_t t : turns) {
      std::vector<std::size_t> candidates = {0};
      for (const std::size_t p : there) {
        if (!conflict(p, t)) continue;
        candidates.push_back(offsets[p] + above(p, t));
        if (offsets[p] >= above(t, p)) candidates.push_back(offsets[p] - above(t, p));
      }
      std::sort(candidates.begin(), candidates.end());
      offsets[t] = *std::find_if(candidates.begin(), candidates.end(), [&](std::size_t at) {
        return std::all_of(there.begin(), there.end(), [&](std::size_t p) {
          return !conflict(p, t) || at >= offsets[p] + above(p, t) ||
                 offsets[p] >= at + above(t, p);
        });
      });
      there.push_back(t);
      height = std::max(height, offsets[t] + round_up(bytes_[t], alignment_));
    }
    if (height < best_) {
      best_ = height;
      best_offsets_ = offsets;
    }
    return offsets;
  }

  /// Largest first; latest first, since an output that lies over its input lies below it; then the
  /// latter with the tensors that stick out at the top of the best plan moved to the front, and the
  /// former with those of the last one.
  void greedy() {
    std::vector<std::size_t> largest(count_);
    std::iota(largest.begin(), largest.end(), std::size_t{0});
    best_ = kNoOverlap;
    std::stable_sort(largest.begin(), largest.end(),
                     [&](std::size_t a, std::size_t b) { return bytes_[a] > bytes_[b]; });
    std::vector<std::size_t> latest = largest;
    std::stable_sort(latest.begin(), latest.end(),
                     [&](std::size_t a, std::size_t b) { return births_[a] > births_[b]; });
    std::vector<std::size_t> last = place(largest);
    place(latest);
    for (std::size_t round = 0; round < count_ && best_ > floor_; ++round) {
      to_front(latest, best_offsets_);
      place(latest);
      to_front(largest, last);
      last = place(largest);
    }
  }

  void to_front(std::vector<std::size_t>& turns, const std::vector<std::size_t>& offsets) const {
    const auto end = [&](std::size_t t) { return offsets[t] + round_up(bytes_[t], alignment_); };
    std::size_t height = 0;
    for (std::size_t t = 0; t < count_; ++t) height = std::max(height, end(t));
    std::stable_partition(turns.begin(), turns.end(),
                          [&](std::size_t t) { return end(t) == height; });
  }

  /// Every plan can be pushed down until each tensor rests on those below it, so it is enough to
  /// stack tensors from the lowest offset up.
  void stack(std::size_t height, std::size_t lowest, std::size_t done) {
    if (done == count_) {
      best_ = height;
      best_offsets_ = offsets_;
      return;
    }
    struct Choice {
      std::size_t offset;
      std::size_t tensor;
    };
    std::vector<Choice> choices;
    for (std::size_t t = 0; t < count_; ++t) {
      if (placed_[t]) continue;
      std::size_t offset = 0;
      for (std::size_t p = 0; p < count_; ++p) {
        if (placed_[p] && conflict(p, t)) offset = std::max(offset, offsets_[p] + above(p, t));
      }
      // Whatever comes between, it will not lie lower.
      if (offset + round_up(bytes_[t], alignment_) >= best_) return;
      if (offset >= lowest) choices.push_back({offset, t});
    }
    std::stable_sort(choices.begin(), choices.end(), [&](const Choice& a, const Choice& b) {
      if (a.offset != b.offset) return a.offset < b.offset;
      return bytes_[a.tensor] > bytes_[b.tensor];
    });
    for (const Choice& choice : choices) {
      if (++trials_ >= kMostTrials || best_ <= floor_) return;
      const std::size_t top = choice.offset + round_up(bytes_[choice.tensor], alignment_);
      if (top >= best_) continue;
      placed_[choice.tensor] = true;
      offsets_[choice.tensor] = choice.offset;
      stack(std::max(height, top), choice.offset, done + 1);
      placed_[choice.tensor] = false;
    }
  }

  const std::vector<std::size_t>& bytes_;
  const std::size_t alignment_;
  const std::size_t count_;
  std::vector<int> births_;
  std::vector<std::size_t> distance_;
  std::size_t liveness_ = 0;
  std::size_t floor_ = 0;
  std::size_t best_ = 0;
  std::vector<std::size_t> best_offsets_;
  std::vector<std::size_t> offsets_;
  std::vector<bool> placed_;
  std::int64_t trials_ = 0;
};

}  // namespace

std::size_t MemoryStep::lead_over(int tensor) const {
  std::size_t lead = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] == tensor) lead = std::max(lead, leads[i]);
  }
  return lead;
}

ActivationPlan plan_activations(const MemoryProblem& problem, std::size_t alignment) {
  ActivationPlan plan;
  plan.order = smallest_order(problem);
  Placement placement(problem, plan.order, alignment);
  placement.search();
  plan.offsets = placement.offsets();
  for (const MemoryStep& step : problem.steps) {
    const auto scratch = static_cast<std::size_t>(step.scratch);
    plan.scratch.push_back(step.scratch == kNoScratch
                               ? ScratchPlace{}
                               : ScratchPlace{plan.offsets[scratch], problem.bytes[scratch]});
  }
  plan.bytes = placement.bytes();
  plan.liveness = placement.liveness();
  plan.optimal = placement.proved();
  return plan;
}

}  // namespace paretiny::deploy
