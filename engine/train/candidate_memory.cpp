#include "engine/train/candidate_memory.h"

#include "kernels/arena.h"

namespace paretiny {

CandidateMemory::CandidateMemory(Device device, const CandidateSizes& sizes)
    : at_(offsets_of(sizes)), channels_(sizes.channels), block_(device, at_.end) {}

CandidateMemory::Offsets CandidateMemory::offsets_of(const CandidateSizes& sizes) {
  Offsets at{};
  const auto take = [&](std::size_t& offset, std::size_t bytes) {
    offset = at.end;
    at.end += aligned(bytes);
  };
  const auto floats = [](std::int64_t count) {
    return static_cast<std::size_t>(count) * sizeof(float);
  };
  take(at.parameters, floats(sizes.parameters));
  take(at.gradients, floats(sizes.trainable));
  take(at.first, floats(sizes.trainable));
  take(at.second, sizes.moments > 1 ? floats(sizes.trainable) : 0);
  take(at.gradient_sum, sizes.gradient_sum ? floats(sizes.parameters) : 0);
  take(at.scores, floats(sizes.channels));
  take(at.index, floats(sizes.channels));
  take(at.work, sizes.work);
  return at;
}

}  // namespace paretiny
