#include "engine/train/candidate_memory.h"

#include <fmt/core.h>

#include "base/error.h"
#include "kernels/core/arena.h"

namespace paretiny::train {

void check_available(Device device, std::size_t bytes) {
  const std::size_t free = backend(device.kind).available(device.index);
  if (bytes <= free) return;
  const auto gigabytes = [](std::size_t count) { return 1e-9 * static_cast<double>(count); };
  throw OutOfMemory(fmt::format(
      "training needs {:.2f} GB on {}, where {:.2f} GB are free: {:.2f} GB are missing; a smaller "
      "batch or width needs less",
      gigabytes(bytes), to_string(device), gigabytes(free), gigabytes(bytes - free)));
}

std::size_t candidate_bytes(const CandidateSizes& sizes, std::size_t scratch) {
  return CandidateMemory::bytes(sizes) + scratch;
}

void check_candidate(Stream& stream, const CandidateSizes& sizes, std::size_t scratch) {
  const std::size_t there = stream.scratch().capacity();
  check_available(stream.device(), candidate_bytes(sizes, scratch > there ? scratch - there : 0));
}

CandidateMemory::CandidateMemory(Device device, const CandidateSizes& sizes)
    : at_(offsets_of(sizes)),
      channels_(sizes.channels),
      casts_(sizes.cast_weights),
      block_(device, at_.end) {}

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
  take(at.cast, sizes.cast_weights ? static_cast<std::size_t>(sizes.trainable) * sizeof(bf16) : 0);
  take(at.gradient_sum, sizes.gradient_sum ? floats(sizes.parameters) : 0);
  take(at.scores, floats(sizes.channels));
  take(at.index, floats(sizes.channels));
  take(at.work, sizes.work);
  return at;
}

}  // namespace paretiny::train
