// Lifetimes of tensors, and the order of steps that keeps their sum low. Private to this folder.
#pragma once

#include "engine/deploy/plan/activation_plan.h"

namespace paretiny::deploy {

/// First and last position, in an order of steps, at which a tensor is in use.
struct Lifetime {
  int first = 0;
  int last = 0;
};
std::vector<Lifetime> lifetimes(const MemoryProblem& problem, const std::vector<int>& order);

/// No plan gives less to a step: `others` bytes of tensors that it does not touch, its inputs (with
/// whether each is read for the last time) and its output.
std::size_t step_floor(const MemoryProblem& problem, const MemoryStep& step,
                       const std::vector<bool>& dies, std::size_t others);

/// The order with the least largest floor, the given one where it is as good.
std::vector<int> smallest_order(const MemoryProblem& problem);

}  // namespace paretiny::deploy
