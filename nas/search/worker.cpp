#include "nas/search/worker.h"

namespace paretiny::search {

Trained train_candidate(Stream& stream, const data::ResidentDataset& data, const Sketch& plan,
                        std::uint64_t seed, jobs::MemoryBudget::Share* share,
                        const AfterEpoch& after, const std::stop_token& stop,
                        const train::Continuation& continuation) noexcept {
  Trained ended;
  try {
    if (share != nullptr) share->take(planned_bytes(stream, data, plan), stop);
    ended.result = evaluate_candidate(stream, data, plan, seed, after, stop, continuation);
  } catch (...) {
    ended.failure = std::current_exception();
  }
  // Scratch stays the stream's.
  if (share != nullptr) share->give_back(stream.scratch().capacity());
  return ended;
}

}  // namespace paretiny::search
