// What one worker does: bring one candidate to its end.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <stop_token>

#include "nas/jobs/memory_budget.h"
#include "nas/search/evaluation/candidate.h"

namespace paretiny::search {

/// What became of a candidate: one of the two is there.
struct Trained {
  std::optional<CandidateResult> result;
  std::exception_ptr failure;
};

/// Thrown out of a training that is ended early: it cannot matter any more.
struct StoppedTrial : std::exception {};

/// Called after every epoch, in the worker's thread; throws to end the training there.
using AfterEpoch = std::function<void(const train::EpochReport&)>;

/// Waits for its share of the memory where there is one, trains the candidate and measures it.
/// Whatever goes wrong is this candidate's failure alone.
Trained train_candidate(Stream& stream, const data::ResidentDataset& data, const Sketch& plan,
                        std::uint64_t seed, jobs::MemoryBudget::Share* share,
                        const AfterEpoch& after, const std::stop_token& stop,
                        const train::Continuation& continuation) noexcept;

}  // namespace paretiny::search
